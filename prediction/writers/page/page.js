"use strict";

// Sound: links with a time play from there, the cursor follows, the spectrogram can be clicked and dragged.
(() => {
  const audio = document.querySelector("audio");
  const board = document.querySelector(".spectrogram");
  if (!audio || !board) return;
  const end = Number(board.dataset.end);
  const cursor = board.querySelector(".cursor");

  const draw = () => {
    const x = (100 * Math.min(audio.currentTime / end, 1)).toFixed(3) + "%";
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    if (!audio.paused) requestAnimationFrame(draw);
  };
  const seek = (time) => {
    audio.currentTime = Math.min(Math.max(time, 0), end);
    draw();
  };
  for (const name of ["play", "seeked", "timeupdate"]) audio.addEventListener(name, draw);

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-t]");
    if (!link || Number(link.dataset.t) >= end) return;
    seek(Number(link.dataset.t));
    if (link.classList.contains("chip")) return; // it only leads to the lane
    audio.play().catch(() => {});
    if (link.closest(".timeline")) event.preventDefault();
  });

  const scrub = (event) => {
    const box = board.getBoundingClientRect();
    seek((end * (event.clientX - box.left)) / box.width);
  };
  board.addEventListener("pointerdown", (event) => {
    scrub(event);
    board.setPointerCapture(event.pointerId);
  });
  board.addEventListener("pointermove", (event) => {
    if (board.hasPointerCapture(event.pointerId)) scrub(event);
  });
})();

// The world map only needs to know how large a pixel is.
(() => {
  const world = document.querySelector(".world");
  if (!world) return;
  const fit = () => world.style.setProperty("--u", 10000 / (world.clientWidth || 400));
  new ResizeObserver(fit).observe(world);
  fit();
})();

// The map around the answer: move, zoom, and as many names as fit.
(() => {
  const pane = document.querySelector(".pane");
  if (!pane) return;
  const map = pane.querySelector(".zoom");
  const half = Number(map.dataset.half), reach = Number(map.dataset.reach), km = Number(map.dataset.km);
  const bar = pane.querySelector(".scale-bar");
  let x = 0, y = 0, unit = 0, home = 0, width = 0, height = 0; // middle, map units a pixel, pixels

  const placed = (group) => {
    const at = group.transform.baseVal.consolidate().matrix;
    const box = group.firstElementChild.getBBox();
    return { group, x: at.e, y: at.f, box, minor: group.classList.contains("minor") };
  };
  map.querySelectorAll(".extra").forEach((group) => group.classList.remove("extra"));
  const names = [...map.querySelectorAll(".name")].map(placed);
  const marks = [...map.querySelectorAll(".marks > g")].map(placed);

  const boxOf = (one, gap) => {
    const left = (one.x - x) / unit + one.box.x - gap, top = (one.y - y) / unit + one.box.y - gap;
    return [left, top, left + one.box.width + 2 * gap, top + one.box.height + 2 * gap];
  };
  const apart = (a, b) => a[2] < b[0] || b[2] < a[0] || a[3] < b[1] || b[3] < a[1];
  const label = () => {
    const taken = marks.map((one) => boxOf(one, 0));
    taken.push([width / 2 - 54, -height / 2, width / 2, 132 - height / 2]); // the buttons
    taken.push([-width / 2, height / 2 - 40, 150 - width / 2, height / 2]); // the scale
    const edge = [-width / 2, -height / 2, width / 2, height / 2];
    for (const one of names) {
      const box = boxOf(one, 3);
      const fits = box[0] > edge[0] && box[1] > edge[1] && box[2] < edge[2] && box[3] < edge[3];
      const wanted = !one.minor || unit < home / 3; // small towns only on a map that is zoomed in
      const free = wanted && fits && taken.every((other) => apart(box, other));
      one.group.style.display = free ? "" : "none";
      if (free) taken.push(box);
    }
  };
  const scale = () => {
    const most = 120 * unit * km;
    const power = 10 ** Math.floor(Math.log10(most));
    const length = power * [5, 2, 1].find((digit) => digit * power <= most);
    bar.firstElementChild.style.width = length / unit / km + "px";
    bar.lastElementChild.textContent = length.toLocaleString("en") + " km";
  };
  const show = () => {
    unit = Math.min(Math.max(unit, home / 14), (2 * reach) / height, (8 / 3) * (reach / width));
    const farX = Math.max(0, (4 / 3) * reach - (width * unit) / 2), farY = Math.max(0, reach - (height * unit) / 2);
    x = Math.min(Math.max(x, -farX), farX);
    y = Math.min(Math.max(y, -farY), farY);
    map.setAttribute("viewBox", [x - (width * unit) / 2, y - (height * unit) / 2, width * unit, height * unit].join(" "));
    map.style.setProperty("--u", unit);
    label();
    scale();
  };
  const zoom = (factor, left = 0, top = 0) => { // around a point, in pixels from the middle
    const before = unit;
    unit = Math.min(Math.max(unit / factor, home / 14), (2 * reach) / height, (8 / 3) * (reach / width));
    x += left * (before - unit);
    y += top * (before - unit);
    show();
  };
  const reset = () => { x = y = 0; unit = home; show(); };
  new ResizeObserver(() => {
    const zoomed = home ? unit / home : 1;
    width = pane.clientWidth;
    height = pane.clientHeight;
    if (!width || !height) return;
    home = (2 * half) / Math.min(width, height);
    unit = home * zoomed;
    show();
  }).observe(pane);

  const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  pane.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (move[event.key]) { x += move[event.key][0] * 60 * unit; y += move[event.key][1] * 60 * unit; show(); }
    else if (event.key === "+" || event.key === "=") zoom(1.5);
    else if (event.key === "-") zoom(1 / 1.5);
    else if (event.key === "0") reset();
    else return;
    event.preventDefault();
  });
  pane.querySelector(".buttons").addEventListener("click", (event) => {
    const what = event.target.dataset.do;
    if (what === "reset") reset();
    else if (what) zoom(what === "in" ? 1.5 : 1 / 1.5);
  });
  const fromMiddle = (clientX, clientY) => {
    const box = pane.getBoundingClientRect();
    return [clientX - box.left - box.width / 2, clientY - box.top - box.height / 2];
  };
  pane.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey && document.activeElement !== pane) return; // the page scrolls
    event.preventDefault();
    zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.006 : 0.002)), ...fromMiddle(event.clientX, event.clientY));
  }, { passive: false });
  map.addEventListener("dblclick", (event) => zoom(2, ...fromMiddle(event.clientX, event.clientY)));

  map.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "touch" || event.button) return;
    map.setPointerCapture(event.pointerId);
    map.classList.add("held");
  });
  map.addEventListener("pointermove", (event) => {
    if (!map.hasPointerCapture(event.pointerId)) return;
    x -= event.movementX * unit;
    y -= event.movementY * unit;
    show();
  });
  map.addEventListener("lostpointercapture", () => map.classList.remove("held"));

  let last = null; // two fingers: their middle and distance
  const pinch = (touches) => {
    const [a, b] = touches;
    const middle = fromMiddle((a.clientX + b.clientX) / 2, (a.clientY + b.clientY) / 2);
    return [...middle, Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY)];
  };
  pane.addEventListener("touchstart", (event) => { last = event.touches.length === 2 ? pinch(event.touches) : null; }, { passive: true });
  pane.addEventListener("touchmove", (event) => {
    if (!last || event.touches.length !== 2) return;
    event.preventDefault();
    const now = pinch(event.touches);
    x -= (now[0] - last[0]) * unit;
    y -= (now[1] - last[1]) * unit;
    zoom(now[2] / last[2], now[0], now[1]);
    last = now;
  }, { passive: false });

  pane.querySelectorAll("[hidden]").forEach((part) => { part.hidden = false; });
})();
