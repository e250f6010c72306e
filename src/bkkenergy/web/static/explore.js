// The explorer beyond links and forms: zoom by dragging, pinching or keys, and a figure for each point.
// Every change of the period is asked of the server, whose answer is the same page: without this script links do it.
"use strict";

(() => {
  const QUARTER_S = 900, DAY_S = 86400, BANGKOK_S = 7 * 3600, TOP = 26, HEIGHT = 322, STRIP = 96, FINE = 0.7;
  const COMPLETE = new Set(["measured", "edited", "estimated"]);
  const language = document.documentElement.lang === "th" ? "th-TH-u-ca-buddhist-nu-latn" : "en-GB";
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const dated = (options) => new Intl.DateTimeFormat(language, { timeZone: "Asia/Bangkok", ...options });
  const DAY = dated({ weekday: "short", day: "numeric", month: "short", year: "numeric" });
  const SHORT = dated({ day: "numeric", month: "short" }), MONTH = dated({ month: "short", year: "numeric" });
  const CLOCK = dated({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  let charts = [], resized = null, loads = 0;

  const day = (s) => new Date((s + BANGKOK_S) * 1000).toISOString().slice(0, 10);
  const number = (value) => {
    const size = Math.abs(value), digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 || size === 0 ? 2 : 4;
    return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  };

  // -- the page of another period, put in the place of this one ---------------------------------------------------

  async function go(address, push = true, hash = "") {
    const load = ++loads;
    try {
      const answer = await fetch(address, { headers: { Accept: "text/html" } });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const main = fresh.querySelector("main:has(.when)");
      if (!answer.ok || !main) throw new Error(answer.status);
      if (load !== loads) return;
      const focused = document.activeElement?.id;
      document.getElementById("main").replaceWith(main);
      document.title = fresh.title;
      if (push) history.pushState(null, "", answer.url + hash);
      await mount();
      document.getElementById(focused)?.focus({ preventScroll: true });
    } catch {
      location.assign(address);
    }
  }

  function goDays(from, to) {
    const address = new URL(location.href), hash = `#z=${Math.round(from)}-${Math.round(to)}`;
    address.hash = "";
    address.searchParams.set("first", day(from));
    address.searchParams.set("last", day(to - 1));
    address.searchParams.delete("step");
    go(address.href, true, (to - from) % DAY_S || (from + BANGKOK_S) % DAY_S ? hash : "");
  }

  // -- the chart --------------------------------------------------------------------------------------------------

  // A step is as wide as it lasts: one instant more than there are values ends the last one. Steps finer than the
  // screen are drawn by the lowest and highest of each column of dots, so that a peak is never left out.
  function outline(u, edges, values, flags, air, fill) {
    const path = new Path2D(), { left, top, width, height } = u.bbox, { x, y } = u.scales;
    const across = width / (x.max - x.min), down = height / (y.max - y.min);
    const X = (s) => left + (s - x.min) * across, Y = (value) => top + height - (value - y.min) * down;
    const foot = Y(Math.max(y.min, 0)), isFine = !air && (edges[1] - edges[0]) * across < FINE;
    let open = false, column = -1, low = 0, high = 0, last = 0;
    const flush = () => {
      path.lineTo(column, Y(high));
      if (!fill) {
        path.lineTo(column, Y(low));
        path.lineTo(column, Y(last));
      }
    };
    const close = () => {
      if (isFine) flush();
      if (fill) {
        path.lineTo(isFine ? column : X(edges[open]), foot);
        path.closePath();
      }
      open = false;
    };
    for (let n = 0; n < values.length; n++) {
      if (edges[n + 1] < x.min) continue;
      if (edges[n] > x.max) break;
      const value = values[n];
      if (value === null || !flags[n]) {
        if (open !== false) close();
        continue;
      }
      const start = X(edges[n]), end = X(edges[n + 1]);
      if (air) {
        const space = (end - start) * air;
        path.rect(start + space, Y(value), end - start - 2 * space, foot - Y(value));
        continue;
      }
      if (open === false) path.moveTo(start, fill ? foot : Y(value));
      if (isFine) {
        const here = Math.round(start);
        if (open === false || here !== column) {
          if (open !== false) flush();
          column = here;
          low = high = value;
        }
        low = Math.min(low, value);
        high = Math.max(high, value);
        last = value;
      } else {
        path.lineTo(start, Y(value));
        path.lineTo(end, Y(value));
      }
      open = n + 1;
    }
    if (open !== false) close();
    return path;
  }

  const stepped = (seen, values, flags, air) => (u) => {
    const path = outline(u, seen.edges, values, flags, air, false);
    return { stroke: path, fill: air ? path : outline(u, seen.edges, values, flags, 0, true) };
  };

  function hatched() {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const pen = tile.getContext("2d");
    pen.strokeStyle = colour("--estimated");
    pen.lineWidth = 1.6;
    for (const x of [-8, 0, 8]) {
      pen.moveTo(x, 8);
      pen.lineTo(x + 8, 0);
    }
    pen.stroke();
    return pen.createPattern(tile, "repeat");
  }

  function bands(u, seen, hatch) {
    const { ctx, bbox } = u, x = (s) => u.valToPos(s, "x", true), y = (value) => u.valToPos(value, "y", true);
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.fillStyle = colour("--closed");
    for (const closed of seen.closed_days) {
      const start = Date.parse(`${closed}T00:00:00+07:00`) / 1000;
      ctx.fillRect(x(start), bbox.top, x(start + DAY_S) - x(start), bbox.height);
    }
    ctx.fillStyle = hatch;
    seen.quality.forEach((quality, n) => {
      if (quality === "estimated") ctx.fillRect(x(seen.edges[n]), bbox.top, x(seen.edges[n + 1]) - x(seen.edges[n]), bbox.height);
    });
    if (seen.compared?.low) {
      ctx.fillStyle = colour("--interval");
      seen.compared.low.forEach((low, n) => {
        const high = seen.compared.high[n], left = x(seen.edges[n]);
        if (low !== null) ctx.fillRect(left, y(high), x(seen.edges[n + 1]) - left, y(low) - y(high));
      });
    }
    ctx.restore();
  }

  function heights(u, size) {
    const { ctx, bbox } = u, ratio = devicePixelRatio;
    ctx.save();
    ctx.font = `${size * ratio}px ${getComputedStyle(document.body).fontFamily}`;
    ctx.textBaseline = "bottom";
    ctx.textAlign = "left";
    ctx.lineJoin = "round";
    ctx.lineWidth = 3 * ratio;
    ctx.strokeStyle = colour("--paper");
    ctx.fillStyle = colour("--ink");
    for (const value of u.axes[1]._splits ?? []) {
      const text = value.toLocaleString("en-US"), down = u.valToPos(value, "y", true) - 3 * ratio;
      ctx.strokeText(text, bbox.left + 2 * ratio, down);
      ctx.fillText(text, bbox.left + 2 * ratio, down);
    }
    ctx.restore();
  }

  function marks(u, notes) {
    const { ctx, bbox } = u, ratio = devicePixelRatio;
    ctx.save();
    ctx.font = `bold ${12 * ratio}px ${getComputedStyle(document.body).fontFamily}`;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    const beside = new Map();
    notes.forEach((note, n) => {
      if (note.at_s < u.scales.x.min || note.at_s > u.scales.x.max) return;
      const at = u.valToPos(note.at_s, "x", true), shift = beside.get(note.at_s) ?? 0, isLeft = at < bbox.left + bbox.width / 2;
      const disc = Math.min(Math.max(at, bbox.left + 11 * ratio), bbox.left + bbox.width - 11 * ratio) + shift;
      beside.set(note.at_s, shift + (isLeft ? 22 : -22) * ratio);
      ctx.strokeStyle = ctx.fillStyle = colour("--alert");
      ctx.setLineDash([3 * ratio, 3 * ratio]);
      ctx.beginPath();
      ctx.moveTo(at, 20 * ratio);
      ctx.lineTo(at, bbox.top + bbox.height);
      ctx.stroke();
      ctx.beginPath();
      ctx.arc(disc, 11 * ratio, 10 * ratio, 0, 7);
      ctx.fill();
      ctx.fillStyle = colour("--paper");
      ctx.fillText(String(n + 1), disc, 11.5 * ratio);
    });
    ctx.restore();
  }

  function times(u, splits, axis, space, step) {
    const end = u.scales.x.max - (u.scales.x.max - u.scales.x.min) * 0.05;
    return splits.map((s) => s > end ? "" : (step >= 28 * DAY_S ? MONTH : step >= DAY_S || (s + BANGKOK_S) % DAY_S === 0 ? SHORT : CLOCK).format(s * 1000));
  }

  function options(seen, figure, height, from0, size) {
    const grid = { stroke: colour("--line"), width: 1 };
    return {
      width: figure.clientWidth - 20,
      height,
      padding: [TOP, 0, 0, 0],
      legend: { show: false },
      tzDate: (s) => new Date((s + BANGKOK_S + new Date(s * 1000).getTimezoneOffset() * 60) * 1000),
      scales: {
        x: { time: true, min: seen.edges[0], max: seen.end_s },
        y: { range: (u, min, max) => (min === null ? [0, 1] : uPlot.rangeNum(from0 ? Math.min(min, 0) : min, from0 ? Math.max(max, 0.0001) : max, { min: { pad: from0 ? 0 : 0.1, soft: 0, mode: from0 ? 1 : 0 }, max: { pad: 0.06 } })) },
      },
      axes: [
        { grid: { show: false }, ticks: { stroke: colour("--axis"), size: 6 }, font: `${size}px ${getComputedStyle(document.body).fontFamily}`, stroke: colour("--soft"), values: times, align: 1, space: 84, size: 34 },
        { grid, ticks: { show: false }, size: 0, values: (u, splits) => splits.map(() => ""), space: 56 },
      ],
    };
  }

  function chart(seen, figure, onRead) {
    const bars = seen.step === "day" || seen.step === "month", isMean = seen.is_mean;
    const air = bars && !isMean ? 0.08 : 0, main = colour("--main"), size = 13, hatch = hatched();
    const complete = seen.quality.map((quality) => COMPLETE.has(quality)), partial = complete.map((known) => !known);
    const all = complete.map(() => true), ended = (values) => [...values, null];
    const pick = (flags) => ended(seen.values.map((value, n) => (flags[n] ? value : null)));
    const data = [seen.edges, pick(complete), pick(partial)];
    const series = [
      {},
      { stroke: air ? colour("--bar") : main, fill: air ? colour("--bar") : colour("--fill"), width: 2, paths: stepped(seen, seen.values, complete, air), points: { show: false } },
      { stroke: main, fill: air ? colour("--paper") : undefined, width: 1.6, dash: [3, 3], paths: stepped(seen, seen.values, partial, air), points: { show: false } },
    ];
    if (seen.compared) {
      data.push(ended(seen.compared.values));
      series.push({ stroke: colour("--compared"), width: 2, dash: [7, 4], paths: (u) => ({ stroke: outline(u, seen.edges, seen.compared.values, all, 0, false) }), points: { show: false } });
      for (const values of [seen.compared.low, seen.compared.high].filter(Boolean)) {
        data.push(ended(values));
        series.push({ paths: () => null, points: { show: false } });
      }
    }
    return new uPlot(
      {
        ...options(seen, figure, HEIGHT, seen.from_zero, size),
        series,
        cursor: { drag: { x: true, y: false, setScale: false, dist: 6 }, points: { show: false }, y: false },
        hooks: {
          drawClear: [(u) => bands(u, seen, hatch)],
          draw: [(u) => heights(u, size), (u) => marks(u, seen.notes)],
          setCursor: [(u) => onRead(u.cursor.idx === null || u.cursor.left < 0 ? null : stepAt(seen, u.posToVal(u.cursor.left, "x")))],
        },
      },
      data,
    );
  }

  function strip(seen, figure) {
    const values = seen.weather.values, all = values.map(() => true);
    const plain = options(seen, figure, STRIP, false, 12);
    plain.axes[0].show = false;
    plain.padding = [18, 0, 6, 0];
    plain.axes[1].space = 40;
    return new uPlot(
      {
        ...plain,
        series: [{}, { stroke: colour("--weather"), width: 1.8, paths: (u) => ({ stroke: outline(u, seen.edges, values, all, 0, false) }), points: { show: false } }],
        cursor: { drag: { x: false, y: false }, points: { show: false }, y: false },
        hooks: { draw: [(u) => heights(u, 12)] },
      },
      [seen.edges, [...values, null]],
    );
  }

  const stepAt = (seen, s) => {
    let n = seen.starts_s.findIndex((start) => start > s);
    n = n === -1 ? seen.starts_s.length - 1 : n - 1;
    return Math.max(n, 0);
  };

  // -- what is done with it ---------------------------------------------------------------------------------------

  function readOut(seen, n, words) {
    const from = seen.edges[n] * 1000, to = seen.edges[n + 1] * 1000;
    const when = seen.step === "day" ? DAY.format(from) : seen.step === "month" ? MONTH.format(from) : `${DAY.format(from)} ${CLOCK.format(from)}–${CLOCK.format(to)}`;
    const parts = [`${when}: ${seen.values[n] === null ? "–" : `${number(seen.values[n])} ${seen.unit}`}`];
    const quality = seen.quality[n];
    if (quality && quality !== "measured") parts[0] += ` (${words[quality]})`;
    if (seen.compared && seen.compared.values[n] !== null) parts.push(`${seen.compared.name}: ${number(seen.compared.values[n])} ${seen.unit}`);
    if (seen.weather && seen.weather.values[n] !== null) parts.push(`${number(seen.weather.values[n])} ${seen.weather.quantity === "temperature" ? "°C" : "W/m²"}`);
    return parts.join(" · ");
  }

  async function mount() {
    for (const one of charts) one.destroy();
    resized?.disconnect();
    charts = [];
    const copy = document.getElementById("copy");
    if (copy && navigator.clipboard) copy.hidden = false;
    const figure = document.querySelector("#explorer[data-source]");
    if (!figure || !window.uPlot) return;
    let seen;
    try {
      const answer = await fetch(figure.dataset.source, { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      seen = await answer.json();
    } catch {
      return; // the still picture stays
    }
    if (!figure.isConnected || !seen.values.some((value) => value !== null)) return;
    seen.edges = [...seen.starts_s, seen.end_s];
    const read = document.getElementById("read"), words = JSON.parse(figure.dataset.words), full = [seen.edges[0], seen.end_s];
    const drawn = [...figure.querySelectorAll(".drawn")], isDrillable = seen.step === "day" || seen.step === "month";
    let at = null;
    const show = (n, politely) => {
      if (n === null) return;
      at = n;
      read.hidden = false;
      read.setAttribute("aria-live", politely ? "polite" : "off");
      read.textContent = readOut(seen, n, words);
      if (isDrillable) {
        const link = document.createElement("a");
        link.textContent = figure.dataset.day;
        link.href = dayAddress(n);
        read.append(" · ", link);
      }
    };
    const dayAddress = (n) => {
      const address = new URL(location.href);
      address.hash = "";
      address.searchParams.set("first", day(seen.edges[n]));
      address.searchParams.set("last", day(seen.edges[n + 1] - 1));
      address.searchParams.delete("step");
      return address.href;
    };
    drawn.forEach((part) => part.querySelector("svg").remove());
    const u = chart(seen, figure, (n) => show(n, false));
    drawn[0].append(u.root);
    charts.push(u);
    if (seen.weather && drawn[1]) {
      charts.push(strip(seen, figure));
      drawn[1].append(charts[1].root);
    }
    u.over.tabIndex = 0;
    u.over.id = "plot";
    u.over.setAttribute("role", "img");
    u.over.setAttribute("aria-label", `${figure.dataset.label}. ${figure.dataset.keys}`);
    u.over.title = figure.dataset.keys;
    resized = new ResizeObserver(() => charts.forEach((one) => one.setSize({ width: figure.clientWidth - 20, height: one.height })));
    resized.observe(figure);

    const reset = document.getElementById("reset");
    const scale = (from, to) => {
      charts.forEach((one) => one.setScale("x", { min: from, max: to }));
      const isFull = from <= full[0] && to >= full[1];
      reset.hidden = isFull;
      history.replaceState(null, "", location.pathname + location.search + (isFull ? "" : `#z=${Math.round(from)}-${Math.round(to)}`));
    };
    const zoom = (from, to) => {
      const least = (seen.edges[1] - seen.edges[0]) * 2;
      if (!(to - from >= Math.min(least, 4 * QUARTER_S))) return;
      if (day(from) === day(full[0]) && day(to - 1) === day(full[1] - 1)) scale(Math.max(from, full[0]), Math.min(to, full[1]));
      else goDays(from, to);
    };
    const wider = (factor) => {
      const { min, max } = u.scales.x, middle = at === null ? (min + max) / 2 : (seen.edges[at] + seen.edges[at + 1]) / 2, half = ((max - min) * factor) / 2;
      if (factor > 1 && min <= full[0] && max >= full[1]) goDays((full[0] + full[1]) / 2 - half, (full[0] + full[1]) / 2 + half);
      else zoom(Math.max(middle - half, full[0]), Math.min(middle + half, full[1]));
    };
    reset.addEventListener("click", () => scale(...full));
    let dragged = false;
    u.hooks.setSelect = [
      () => {
        const { left, width } = u.select;
        dragged = width > 0;
        if (width <= 0) return;
        u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
        zoom(u.posToVal(left, "x"), u.posToVal(left + width, "x"));
      },
    ];
    let isTouch = false;
    u.over.addEventListener("click", () => {
      if (isDrillable && !dragged && !isTouch && at !== null) go(dayAddress(at));
      dragged = false;
    });
    u.over.addEventListener("dblclick", () => scale(...full));
    u.over.addEventListener("keydown", (event) => {
      const last = seen.starts_s.length - 1, stride = event.shiftKey ? 4 : 1;
      const moves = { ArrowLeft: Math.max((at ?? last + 1) - stride, 0), ArrowRight: Math.min((at ?? -1) + stride, last), Home: 0, End: last };
      const acts = {
        PageUp: () => document.getElementById("previous").click(),
        PageDown: () => document.getElementById("next").click(),
        "+": () => wider(0.5),
        "=": () => wider(0.5),
        "-": () => wider(2),
        0: () => scale(...full),
        Escape: () => scale(...full),
        Enter: () => isDrillable && at !== null && go(dayAddress(at)),
      };
      if (event.key in moves) {
        at = moves[event.key];
        const middle = (seen.edges[at] + seen.edges[at + 1]) / 2;
        u.setCursor({ left: u.valToPos(middle, "x"), top: 10 });
        show(at, true);
      } else if (event.key in acts) acts[event.key]();
      else return;
      event.preventDefault();
    });
    touches(u, full, zoom, goDays, (touched) => { isTouch = touched; });
    const asked = /^#z=(\d+)-(\d+)$/.exec(location.hash);
    if (asked && +asked[1] < +asked[2] && +asked[2] > full[0] && +asked[1] < full[1]) scale(Math.max(+asked[1], full[0]), Math.min(+asked[2], full[1]));
  }

  // One finger reads, two fingers zoom; a page is still scrolled up and down.
  function touches(u, full, zoom, widen, onTouch) {
    const fingers = new Map();
    let start = null;
    const spread = () => {
      const [a, b] = [...fingers.values()], left = u.over.getBoundingClientRect().left;
      return { middle: (a + b) / 2 - left, wide: Math.max(Math.abs(a - b), 20) };
    };
    u.over.addEventListener("pointerdown", (event) => {
      onTouch(event.pointerType === "touch");
      if (event.pointerType !== "touch") return;
      fingers.set(event.pointerId, event.clientX);
      if (fingers.size === 2) start = { ...spread(), min: u.scales.x.min, max: u.scales.x.max, at: u.posToVal(spread().middle, "x") };
    });
    u.over.addEventListener("pointermove", (event) => {
      if (!fingers.has(event.pointerId)) return;
      fingers.set(event.pointerId, event.clientX);
      if (fingers.size === 1) u.setCursor({ left: event.clientX - u.over.getBoundingClientRect().left, top: 10 });
      if (fingers.size !== 2 || !start) return;
      const factor = start.wide / spread().wide;
      charts.forEach((one) => one.setScale("x", { min: start.at - (start.at - start.min) * factor, max: start.at + (start.max - start.at) * factor }));
    });
    for (const kind of ["pointerup", "pointercancel"]) {
      u.over.addEventListener(kind, (event) => {
        fingers.delete(event.pointerId);
        if (!start || fingers.size !== 1) return;
        start = null;
        const { min, max } = u.scales.x, isWider = max - min > (full[1] - full[0]) * 1.2;
        if (isWider) widen(min, max);
        else zoom(Math.max(min, full[0]), Math.min(max, full[1]));
      });
    }
  }

  // -- links and the form -----------------------------------------------------------------------------------------

  document.addEventListener("click", (event) => {
    if (event.target.id === "copy") {
      navigator.clipboard.writeText(location.href).then(() => { event.target.textContent = event.target.dataset.done; });
      return;
    }
    const link = event.target.closest?.(".when a, .explored a, #read a, .seen a");
    if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(link.href.baseVal ?? link.href);
  });

  document.addEventListener("change", (event) => {
    const form = event.target.closest?.("form.choose");
    if (!form || !form.reportValidity()) return;
    const chosen = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
    go(`${form.action}?${chosen}`);
  });

  addEventListener("popstate", () => go(location.href, false));
  mount();
})();
