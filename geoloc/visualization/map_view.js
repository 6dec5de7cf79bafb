// The window onto the map: moved and zoomed by mouse, touch and keyboard.
const SVG = "http://www.w3.org/2000/svg";

function svgElement(name, attributes, parent) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (parent) parent.append(element);
  return element;
}

// Map coordinates are metres to the east and to the south; `scale` is pixels per metre.
class MapView {
  constructor(svg, onMove, onPress) {
    this.svg = svg;
    this.onMove = onMove;
    this.onPress = onPress;
    this.world = svgElement("g", {}, svg);
    this.overlay = svgElement("g", {}, svg);
    this.scale = 1;
    this.east = this.south = 0; // the middle of the window
    this.fingers = new Map();
    this.travelled = 0;
    svg.addEventListener("pointerdown", (event) => this.press(event));
    svg.addEventListener("pointermove", (event) => this.drag(event));
    for (const end of ["pointerup", "pointercancel"]) {
      svg.addEventListener(end, (event) => this.release(event));
    }
    svg.addEventListener("wheel", (event) => this.roll(event), { passive: false });
    svg.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(svg);
  }

  get width() { return this.svg.clientWidth; }
  get height() { return this.svg.clientHeight; }

  toScreen([east, south]) {
    return [
      this.width / 2 + (east - this.east) * this.scale,
      this.height / 2 + (south - this.south) * this.scale,
    ];
  }

  draw() {
    const [x, y] = this.toScreen([0, 0]);
    this.world.setAttribute("transform", `translate(${x} ${y}) scale(${this.scale})`);
    this.onMove();
  }

  // Shows all points, with room about them (in metres) and at the border.
  fit(points, room) {
    if (!points.length) return;
    let [west, north, east, south] = [Infinity, Infinity, -Infinity, -Infinity];
    for (const [x, y] of points) {
      west = Math.min(west, x - room);
      east = Math.max(east, x + room);
      north = Math.min(north, y - room);
      south = Math.max(south, y + room);
    }
    const border = Math.min(48, this.width / 8);
    this.east = (west + east) / 2;
    this.south = (north + south) / 2;
    this.setScale(Math.min(
      (this.width - 2 * border) / Math.max(east - west, 1),
      (this.height - 2 * border) / Math.max(south - north, 1),
    ));
    this.draw();
  }

  setScale(scale) {
    this.scale = Math.min(Math.max(scale, 4e-6), 100);
  }

  move(x, y) {
    this.east -= x / this.scale;
    this.south -= y / this.scale;
    this.draw();
  }

  // Zooms so that what is at (x, y) in pixels stays there.
  zoom(factor, x = this.width / 2, y = this.height / 2) {
    const before = this.scale;
    this.setScale(before * factor);
    const kept = 1 / before - 1 / this.scale;
    this.east += (x - this.width / 2) * kept;
    this.south += (y - this.height / 2) * kept;
    this.draw();
  }

  place(event) {
    const box = this.svg.getBoundingClientRect();
    return [event.clientX - box.left - this.svg.clientLeft, event.clientY - box.top - this.svg.clientTop];
  }

  press(event) {
    this.svg.setPointerCapture(event.pointerId);
    if (!this.fingers.size) this.travelled = 0;
    this.fingers.set(event.pointerId, this.place(event));
  }

  drag(event) {
    const before = this.fingers.get(event.pointerId);
    if (!before) return;
    const after = this.place(event);
    const step = [after[0] - before[0], after[1] - before[1]];
    this.travelled += Math.hypot(...step);
    const other = [...this.fingers].find(([id]) => id !== event.pointerId);
    this.fingers.set(event.pointerId, after);
    if (!other) return this.move(...step);
    const apart = (point) => Math.hypot(point[0] - other[1][0], point[1] - other[1][1]);
    this.move(step[0] / 2, step[1] / 2);
    this.zoom(apart(after) / Math.max(apart(before), 1), ...other[1]);
  }

  release(event) {
    const at = this.fingers.get(event.pointerId);
    this.fingers.delete(event.pointerId);
    if (at && event.type === "pointerup" && this.travelled < 6) this.onPress(at);
  }

  roll(event) {
    event.preventDefault();
    const lines = event.deltaMode ? 30 : 1;
    this.zoom(Math.exp(-event.deltaY * lines * 0.002), ...this.place(event));
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const steps = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
    if (steps[event.key]) this.move(...steps[event.key]);
    else if (event.key === "+" || event.key === "=") this.zoom(1.5);
    else if (event.key === "-") this.zoom(1 / 1.5);
    else return;
    event.preventDefault();
  }
}
