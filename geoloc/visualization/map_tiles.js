// The online layer: the tiles in sight, in place of those of before.
const TILE_PX = 256;

function drawTiles(view, layer) {
  const round = 2 * Math.PI * content.radius;
  const zoom = Math.min(19, Math.max(0, Math.round(Math.log2((round * view.scale) / TILE_PX))));
  const count = 2 ** zoom;
  const size = round / count;
  // Metres from the map's north-western corner, at the date line.
  const west = view.east - view.width / 2 / view.scale + content.origin[0] + round / 2;
  const north = view.south - view.height / 2 / view.scale - content.origin[1] + round / 2;
  const last = (start, pixels) => Math.floor((start + pixels / view.scale) / size);
  const images = [];
  for (let row = Math.max(0, Math.floor(north / size)); row <= Math.min(count - 1, last(north, view.height)); row++) {
    for (let column = Math.floor(west / size); column <= last(west, view.width); column++) {
      const x = ((column % count) + count) % count;
      const href = content.tiles.replace("{z}", zoom).replace("{x}", x).replace("{y}", row);
      const old = layer.querySelector(`[href="${CSS.escape(href)}"][data-column="${column}"]`);
      images.push(old || svgElement("image", {
        href,
        "data-column": column,
        x: column * size - round / 2 - content.origin[0],
        y: row * size - round / 2 + content.origin[1],
        width: size * 1.002,
        height: size * 1.002,
      }));
    }
  }
  layer.replaceChildren(...images);
}
