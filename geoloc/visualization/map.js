const content = JSON.parse(document.getElementById("content").textContent);
const byId = (name) => document.getElementById(name);

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// Python counts metres to the north, the screen to the south.
const down = (point) => point && [point[0], -point[1]];
for (const photo of content.photos) {
  photo.at = down(photo.at);
  photo.estimate = down(photo.estimate);
  for (const answer of photo.answers) answer.at = down(answer.at);
}

const ringOf = (ring) => (ring === null ? content.unknown : content.rings[ring]);
const pointsOf = (photo) => [photo.at, photo.estimate].filter(Boolean);
const largest = content.thresholds.length ? content.thresholds.at(-1)[0] : 100;

let shown = content.photos;
let selected = null;

const view = new MapView(byId("map"), onMove, onPress);
const layer = Object.fromEntries(
  ["tiles", "graticule", "uncertainty", "rings", "errors", "marks", "chosen"].map((name) => [
    name,
    svgElement("g", {}, view.world),
  ]),
);
for (const line of content.graticule) {
  const d = "M" + line.map(([x, y]) => `${x} ${-y}`).join("L");
  svgElement("path", { class: "graticule", d }, layer.graticule);
}

// Many marks of one kind are one path, so that thousands are drawn as fast as one.
const dots = (points) => points.map(([x, y]) => `M${x} ${y}h0`).join("");
const segment = (photo) => `M${photo.at.join(" ")}L${photo.estimate.join(" ")}`;

function drawMarks() {
  layer.errors.replaceChildren();
  layer.marks.replaceChildren();
  layer.marks.style.setProperty("--dot", shown.length > 200 ? 7 : 11); // a crowd stays readable
  const lines = shown.filter((photo) => photo.at && photo.estimate).map(segment).join("");
  svgElement("path", { class: "error", d: lines }, layer.errors);
  const placed = shown.filter((photo) => photo.at);
  svgElement("path", { class: "true-rim", d: dots(placed.map((photo) => photo.at)) }, layer.marks);
  for (const ring of [null, ...content.rings.keys()]) {
    const d = dots(placed.filter((photo) => photo.ring === ring).map((photo) => photo.at));
    svgElement("path", { class: "true", stroke: ringOf(ring)[1], d }, layer.marks);
  }
  const estimates = shown.map((photo) => photo.estimate).filter(Boolean);
  svgElement("path", { class: "estimate", d: dots(estimates) }, layer.marks);
}

function drawChosen() {
  for (const name of ["rings", "uncertainty", "chosen"]) layer[name].replaceChildren();
  if (!selected) return;
  if (selected.at) {
    const [cx, cy] = selected.at;
    content.thresholds.forEach(([radius], place) => {
      const [rx, ry] = selected.stretch.map((stretch) => stretch * radius);
      svgElement("ellipse", { class: "ring", stroke: content.rings[place][1], cx, cy, rx, ry }, layer.rings);
    });
  }
  if (selected.estimate && selected.radius !== null) {
    const [cx, cy] = selected.estimate;
    const [rx, ry] = selected.radiusStretch.map((stretch) => stretch * selected.radius);
    svgElement("ellipse", { class: "uncertainty", cx, cy, rx, ry }, layer.uncertainty);
  }
  const main = selected.at || selected.estimate;
  if (main) layer.marks.prepend(svgElement("path", { class: "selected", d: dots([main]) }));
  if (selected.at && selected.estimate) {
    svgElement("path", { class: "selected-error", d: segment(selected) }, layer.chosen);
  }
  if (selected.at) {
    const stroke = ringOf(selected.ring)[1];
    svgElement("path", { class: "true", stroke, d: dots([selected.at]) }, layer.chosen);
  }
  if (selected.estimate) {
    svgElement("path", { class: "estimate", d: dots([selected.estimate]) }, layer.chosen);
  }
}

// Numbers and names keep their size: they lie over the map, in pixels.
function drawLabels() {
  view.overlay.replaceChildren();
  if (!selected) return;
  if (selected.at) {
    content.thresholds.forEach(([radius, text]) => {
      const [x, y] = view.toScreen([selected.at[0], selected.at[1] - radius * selected.stretch[1]]);
      if (radius * selected.stretch[1] * view.scale < 24) return; // too small to read beside others
      svgElement("text", { x, y: y - 5 }, view.overlay).textContent = text;
    });
  }
  [...selected.answers.entries()].reverse().forEach(([place, answer]) => {
    const [x, y] = view.toScreen(answer.at);
    const group = svgElement("g", { class: "number", transform: `translate(${x} ${y - 20})` }, view.overlay);
    const stroke = ringOf(answer.ring)[1];
    svgElement("line", { y2: 20, stroke }, group);
    svgElement("circle", { r: 9, stroke }, group);
    svgElement("text", { y: 4 }, group).textContent = place + 1;
  });
}

function drawScale() {
  let stretch = 1;
  if (content.kind === "world") stretch = 1 / Math.max(Math.cos(view.south / content.radius), 0.05);
  if (content.kind === "mercator") {
    stretch = Math.cosh((content.origin[1] - view.south) / content.radius);
  }
  const pixels = view.scale * stretch; // of a metre on the ground, in the middle of the window
  const power = 10 ** Math.floor(Math.log10(130 / pixels));
  const length = [5, 2, 1].find((digit) => digit * power * pixels <= 130) * power;
  byId("scale").style.width = `${length * pixels}px`;
  byId("scale").textContent = length < 1000 ? `${+length.toPrecision(1)} m` : `${(length / 1000).toLocaleString("en")} km`;
}

function onMove() {
  if (content.tiles) drawTiles(view, layer.tiles);
  drawLabels();
  drawScale();
}

function onPress([x, y]) {
  let nearest = null;
  let least = 24; // pixels that a finger may miss by
  for (const photo of shown) {
    for (const point of pointsOf(photo)) {
      const [px, py] = view.toScreen(point);
      const distance = Math.hypot(px - x, py - y);
      if (distance < least) [least, nearest] = [distance, photo];
    }
  }
  if (nearest) select(nearest, false);
}

function figure(kind, item, caption) {
  const button = element("button", { type: "button", className: "picture" });
  if (item.picture === null) {
    button.disabled = true;
    button.append(element("span", { className: "missing", textContent: "no picture" }));
  } else {
    button.append(element("img", { src: content.pictures[item.picture], alt: item.name }));
  }
  const made = element("figure", { className: kind }, button, element("figcaption", {}, ...caption));
  if (kind === "result") made.style.setProperty("--level", ringOf(item.ring)[1]);
  return made;
}

function drawDetails() {
  const photo = selected;
  const facts = [
    photo.errorText === null ? "Error unknown" : `Error ${photo.errorText}, ${ringOf(photo.ring)[0]}`,
    photo.latlon && `True position ${photo.latlon}`,
    photo.estimateLatlon ? `Estimate ${photo.estimateLatlon}` : "No estimate",
    photo.radiusText && `Probably ${photo.radiusText}`,
  ].filter(Boolean);
  const panel = element("div", { className: "panel", tabIndex: 0 });
  panel.setAttribute("role", "group");
  panel.setAttribute("aria-label", "The photo and its answers");
  panel.append(figure("query", photo, ["photo"]));
  photo.answers.forEach((answer, place) => {
    const where = answer.distanceText === null ? answer.latlon : `${answer.distanceText}, ${ringOf(answer.ring)[0]}`;
    const caption = [element("strong", { textContent: `${place + 1}: ${where}` }), element("br")];
    panel.append(figure("result", answer, [...caption, `score ${answer.score}`, element("br"), answer.name]));
  });
  byId("details").replaceChildren(
    element("h2", { textContent: photo.name }),
    ...facts.map((text) => element("p", { textContent: text })),
    panel,
  );
}

// Scrolls the list alone: on a phone, the page stays where the reader presses the map.
function reveal(item) {
  const frame = byId("list").parentNode;
  const above = item.offsetTop - frame.scrollTop;
  if (above < 0 || above + item.offsetHeight > frame.clientHeight) {
    frame.scrollTop = item.offsetTop - frame.clientHeight / 3;
  }
}

function select(photo, moves) {
  if (selected) selected.button.removeAttribute("aria-current");
  selected = photo;
  photo.button.setAttribute("aria-current", "true");
  reveal(photo.button.parentNode);
  drawMarks();
  drawChosen();
  drawDetails();
  if (moves) view.fit(pointsOf(photo), 1.15 * Math.max(largest, photo.radius || 0));
  else drawLabels();
}

function step(by) {
  if (!shown.length) return;
  const place = shown.indexOf(selected);
  select(shown[(Math.max(place, by < 0 ? 0 : -1) + by + shown.length) % shown.length], true);
}

function filter() {
  const bound = (name, otherwise) => (byId(name).value === "" ? otherwise : Number(byId(name).value));
  const [least, most] = [bound("least", -Infinity), bound("most", Infinity)];
  const anyError = least === -Infinity && most === Infinity;
  const name = byId("name").value.toLowerCase();
  const rings = new Set([...document.querySelectorAll("#rings input:checked")].map((box) => box.value));
  shown = content.photos.filter((photo) =>
    rings.has(String(photo.ring)) &&
    (photo.error === null ? anyError : least <= photo.error && photo.error <= most) &&
    photo.name.toLowerCase().includes(name));
  const visible = new Set(shown);
  for (const photo of content.photos) photo.button.parentNode.hidden = !visible.has(photo);
  byId("count").textContent = `${shown.length} of ${content.photos.length} shown`;
  drawMarks();
  drawChosen();
}

const showAll = () => view.fit(shown.flatMap(pointsOf), shown.length > 1 ? 50 : 1.15 * largest);

for (const ring of [...content.rings.keys(), null]) {
  const count = content.photos.filter((photo) => photo.ring === ring).length;
  if (!count) continue;
  const chip = element("span", { className: "chip" });
  chip.style.setProperty("--level", ringOf(ring)[1]);
  const box = element("input", { type: "checkbox", checked: true, value: String(ring) });
  byId("rings").append(element("label", {}, box, " ", chip, ` ${ringOf(ring)[0]} (${count})`));
}
for (const photo of content.photos) {
  const chip = element("span", { className: "chip" });
  chip.style.setProperty("--level", ringOf(photo.ring)[1]);
  const name = element("span", { className: "name", textContent: photo.name, title: photo.name });
  photo.button = element("button", { type: "button" }, chip, name, photo.errorText || "unknown");
  photo.button.addEventListener("click", () => select(photo, true));
  byId("list").append(element("li", {}, photo.button));
}
document.querySelector(".filters").addEventListener("input", filter);
byId("in").addEventListener("click", () => view.zoom(1.5));
byId("out").addEventListener("click", () => view.zoom(1 / 1.5));
byId("all").addEventListener("click", showAll);
byId("map").addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const actions = { n: () => step(1), p: () => step(-1), 0: showAll };
  if (actions[event.key]) actions[event.key]();
});
filter();
select(content.photos[0], false);
showAll();
