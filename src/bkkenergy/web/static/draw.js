// Corners of a roof without a request for each: clicks are collected and drawn here, and sent with the next button.
"use strict";

const form = document.getElementById("draw");
if (form) {
  const sheet = document.getElementById("sheet");
  const image = sheet.querySelector("input");
  const field = form.elements.points;
  const isPicture = form.elements.content.value !== "";
  const scalePoints = isPicture ? 2 : 0;
  let points = field.value.split(" ").filter(Boolean).map((point) => point.split(",").map(Number));

  const svg = sheet.querySelector("svg");
  const status = form.querySelector("[data-ends]");

  const shape = (name, attributes) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    svg.append(node);
  };
  const show = () => {
    field.value = points.map((point) => point.join(",")).join(" ");
    svg.replaceChildren();
    const text = (some) => some.map((point) => point.join(",")).join(" ");
    const corners = points.slice(scalePoints);
    const isReady = points.length >= scalePoints;
    status.textContent = isReady ? status.dataset.corners : status.dataset.ends;
    if (scalePoints && isReady) shape("polyline", { points: text(points.slice(0, 2)), class: "scale" });
    shape("polygon", { points: text(corners), class: corners.length > 2 ? "area" : "edge" });
    points.forEach(([x, y], at) => shape("circle", { cx: x, cy: y, r: 5, class: at < scalePoints ? "end" : "corner" }));
  };
  image.addEventListener("click", (event) => {
    if (event.detail === 0) return; // by the keyboard: the server says what to do
    event.preventDefault();
    const box = image.getBoundingClientRect();
    const scale = image.width / box.width;
    const point = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale].map(Math.round);
    points.push(point);
    show();
  });
  for (const button of form.querySelectorAll("[data-draw]")) {
    button.addEventListener("click", (event) => {
      event.preventDefault();
      points = button.dataset.draw === "undo" ? points.slice(0, -1) : [];
      show();
    });
  }
  show();
}
