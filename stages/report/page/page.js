// The value at the nearest point of a figure: under the pointer or a finger, or with the arrow keys,
// left and right along a line, up and down from line to line.
"use strict";
{
  const tip = document.getElementById("tip");
  const ring = document.getElementById("ring");
  const NEAR = 26; // pixels

  const flat = (panel) => {
    if (!panel.flat) {
      panel.flat = JSON.parse(panel.dataset.points).flatMap(([name, points]) =>
        points.map(([x, y, text]) => ({ name, x, y, text })));
    }
    return panel.flat;
  };

  const scale = (panel) => {
    const svg = panel.querySelector("svg");
    const box = svg.getBoundingClientRect();
    return { box, factor: box.width / svg.viewBox.baseVal.width };
  };

  const hide = () => { tip.hidden = ring.hidden = true; };

  const show = (panel, point) => {
    const { box, factor } = scale(panel);
    const left = box.left + scrollX + point.x * factor;
    const top = box.top + scrollY + point.y * factor;
    const name = document.createElement("b");
    name.textContent = point.name;
    tip.replaceChildren(name, point.text);
    tip.hidden = ring.hidden = false;
    ring.style.left = `${left}px`;
    ring.style.top = `${top}px`;
    const right = document.documentElement.clientWidth - tip.offsetWidth - 8;
    tip.style.left = `${Math.max(8, Math.min(left + 12, right))}px`;
    tip.style.top = `${top - tip.offsetHeight - 12}px`;
  };

  const nearest = (panel, event) => {
    const { box, factor } = scale(panel);
    const x = event.clientX - box.left;
    const y = event.clientY - box.top;
    let best = null;
    let least = NEAR * NEAR;
    for (const point of flat(panel)) {
      const distance = (point.x * factor - x) ** 2 + (point.y * factor - y) ** 2;
      if (distance < least) [best, least] = [point, distance];
    }
    return best;
  };

  const next = (points, at, key) => {
    if (at === undefined) return 0;
    const step = key === "ArrowRight" || key === "ArrowDown" ? 1 : -1;
    if (key === "ArrowRight" || key === "ArrowLeft") return (at + step + points.length) % points.length;
    const names = [...new Set(points.map((point) => point.name))];
    const name = names[(names.indexOf(points[at].name) + step + names.length) % names.length];
    const away = points.map((point) => (point.name === name ? Math.abs(point.x - points[at].x) : Infinity));
    return away.indexOf(Math.min(...away));
  };

  for (const panel of document.querySelectorAll(".panel")) {
    const look = (event) => {
      const point = nearest(panel, event);
      if (point) show(panel, point); else hide();
    };
    panel.addEventListener("pointermove", look);
    panel.addEventListener("pointerdown", look);
    panel.addEventListener("pointerleave", hide);
    panel.addEventListener("blur", hide);
    panel.addEventListener("keydown", (event) => {
      const points = flat(panel);
      if (!event.key.startsWith("Arrow") || !points.length) return;
      event.preventDefault();
      panel.at = next(points, panel.at, event.key);
      show(panel, points[panel.at]);
    });
  }
  addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
}
