// The explorer beyond links and forms: zoom by dragging, pinching or keys, and a figure for each point.
// Every change of the period is asked of the server, whose answer is the same page: without this script links do it.
"use strict";

(() => {
  const QUARTER_S = 900, DAY_S = 86400, BANGKOK_S = 7 * 3600, TOP = 26, HEIGHT = 322, STRIP = 96, FINE = 0.7;
  const COMPLETE = new Set(["measured", "edited", "estimated"]);
  const language = document.documentElement.lang === "th" ? "th-TH-u-ca-buddhist-nu-latn" : "en-GB";
  const colour = (name) => look.getPropertyValue(name).trim();
  const dated = (options) => new Intl.DateTimeFormat(language, { timeZone: "Asia/Bangkok", ...options });
  const DAY = dated({ weekday: "short", day: "numeric", month: "short", year: "numeric" });
  const SHORT = dated({ day: "numeric", month: "short" }), MONTH = dated({ month: "short", year: "numeric" });
  const CLOCK = dated({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  let charts = [], resized = null, loads = 0, lowest = 0, highest = 0, look = {};

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

  // The lowest and highest of some steps, in `lowest` and `highest`: two walks over a year are most of what a chart costs.
  function measure(values, from, to) {
    let low = Infinity, high = -Infinity;
    for (let n = from; n < to; n++) {
      const value = values[n];
      if (value < low) low = value;
      if (value > high) high = value;
    }
    lowest = low;
    highest = high;
  }

  // Where seconds and values are on the canvas.
  function scaled(u) {
    const { left, top, width, height } = u.bbox, { x, y } = u.scales;
    const across = width / (x.max - x.min), down = height / (y.max - y.min);
    return { across, down, begin: left - x.min * across, base: top + height + y.min * down, min: x.min, max: x.max };
  }

  // A step is as wide as it lasts: one instant more than there are values ends the last one. Line and area are made in
  // one walk over the spans of steps that are drawn alike.
  function outline(u, edges, values, spans, air = 0, hasArea = false) {
    const at = scaled(u), foot = at.base - Math.max(u.scales.y.min, 0) * at.down, pen = new Path2D();
    const drawn = { stroke: pen, fill: air ? pen : hasArea ? new Path2D() : null };
    const draw = air ? barred : (edges[1] - edges[0]) * at.across < FINE ? fine : coarse;
    for (const [from, to] of spans) draw(drawn, edges, values, Math.max(from, stepAt(edges, at.min)), Math.min(to, stepAt(edges, at.max) + 1), at, foot, air);
    return drawn;
  }

  function barred({ stroke }, edges, values, from, to, { across, down, begin, base }, foot, air) {
    for (let n = from; n < to; n++) {
      if (Number.isNaN(values[n])) continue;
      const start = begin + edges[n] * across, wide = (edges[n + 1] - edges[n]) * across, level = base - values[n] * down;
      stroke.rect(start + wide * air, level, wide * (1 - 2 * air), foot - level);
    }
  }

  function coarse({ stroke, fill }, edges, values, from, to, { across, down, begin, base }, foot) {
    let isOpen = false;
    for (let n = from; n <= to; n++) {
      const start = begin + edges[n] * across, level = base - values[n] * down;
      if (n === to || Number.isNaN(level)) {
        if (isOpen) fill?.lineTo(start, foot);
        isOpen = false;
        continue;
      }
      const end = begin + edges[n + 1] * across;
      if (isOpen) stroke.lineTo(start, level);
      else {
        stroke.moveTo(start, level);
        fill?.moveTo(start, foot);
      }
      isOpen = true;
      stroke.lineTo(end, level);
      fill?.lineTo(start, level);
      fill?.lineTo(end, level);
    }
  }

  // Steps finer than the screen, each as long: by the lowest and highest of each column of dots, so that a peak is never left out.
  function fine({ stroke, fill }, edges, values, from, to, { across, down, begin, base }, foot) {
    const origin = begin + edges[0] * across, wide = (edges[1] - edges[0]) * across;
    let isOpen = false, column = 0;
    for (let n = from; n < to; ) {
      const here = Math.round(origin + n * wide), next = Math.min(Math.max(Math.ceil((here + 0.5 - origin) / wide), n + 1), to);
      measure(values, n, next);
      n = next;
      if (lowest > highest) {
        if (isOpen) fill?.lineTo(column, foot);
        isOpen = false;
        continue;
      }
      const peak = base - highest * down, last = base - values[n - 1] * down;
      if (isOpen) stroke.lineTo(here, peak);
      else {
        stroke.moveTo(here, peak);
        fill?.moveTo(here, foot);
      }
      isOpen = true;
      fill?.lineTo(here, peak);
      if (lowest < highest) {
        stroke.lineTo(here, base - lowest * down);
        if (last > peak) stroke.lineTo(here, last);
      }
      column = here;
    }
    if (isOpen) fill?.lineTo(column, foot);
  }

  const stepped = (edges, values, spans, air, hasArea) => (u) => outline(u, edges, values, spans, air, hasArea);

  // The interval of a comparison, by the lowest and highest of each column of dots.
  function between(u, edges, low, high) {
    const path = new Path2D(), { across, down, begin, base, min, max } = scaled(u), beyond = stepAt(edges, max) + 1;
    for (let n = stepAt(edges, min); n < beyond; ) {
      const left = Math.round(begin + edges[n] * across);
      let next = n + 1;
      while (next < beyond && begin + edges[next] * across < left + 0.5) next++;
      measure(low, n, next);
      const bottom = lowest;
      measure(high, n, next);
      const wide = Math.max(Math.round(begin + edges[next] * across) - left, 1);
      if (bottom <= highest) path.rect(left, base - highest * down, wide, (highest - bottom) * down);
      n = next;
    }
    return path;
  }

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
    const { ctx, bbox } = u, x = (s) => u.valToPos(s, "x", true);
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
    for (const [from, to] of spansOf(seen, (quality) => quality === "estimated")) ctx.fillRect(x(seen.edges[from]), bbox.top, x(seen.edges[to]) - x(seen.edges[from]), bbox.height);
    if (seen.compared?.low) {
      ctx.fillStyle = colour("--interval");
      ctx.fill(between(u, seen.edges, seen.compared.low, seen.compared.high));
    }
    ctx.restore();
  }

  function heights(u, size) {
    const { ctx, bbox } = u, ratio = devicePixelRatio;
    ctx.save();
    ctx.font = `${size * ratio}px ${look.fontFamily}`;
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
    ctx.font = `bold ${12 * ratio}px ${look.fontFamily}`;
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

  // uPlot is given two instants: axes, scales, cursor and zoom are its part, and the values are read where they are.
  function options(edges, columns, figure, height, from0, size) {
    let shown = [];
    const grid = { stroke: colour("--line"), width: 1 };
    return {
      width: figure.clientWidth - 20,
      height,
      padding: [TOP, 0, 0, 0],
      legend: { show: false },
      tzDate: (s) => new Date((s + BANGKOK_S + new Date(s * 1000).getTimezoneOffset() * 60) * 1000),
      scales: {
        x: { time: true, range: (u, min, max) => { shown = [min, max]; return shown; } },
        y: {
          range: () => {
            const from = stepAt(edges, shown[0]), to = stepAt(edges, shown[1] - 1) + 1, pad = { min: { pad: from0 ? 0 : 0.1, soft: 0, mode: from0 ? 1 : 0 }, max: { pad: 0.06 } };
            let min = Infinity, max = -Infinity;
            for (const values of columns) {
              measure(values, from, to);
              min = Math.min(min, lowest);
              max = Math.max(max, highest);
            }
            return min > max ? [0, 1] : uPlot.rangeNum(from0 ? Math.min(min, 0) : min, from0 ? Math.max(max, 0.0001) : max, pad);
          },
        },
      },
      axes: [
        { grid: { show: false }, ticks: { stroke: colour("--axis"), size: 6 }, font: `${size}px ${look.fontFamily}`, stroke: colour("--soft"), values: times, align: 1, space: 84, size: 34 },
        { grid, ticks: { show: false }, size: 0, values: (u, splits) => splits.map(() => ""), space: 56 },
      ],
    };
  }

  function chart(seen, figure, onRead) {
    const bars = seen.step === "day" || seen.step === "month", { edges, values, compared } = seen, whole = [[0, edges.length - 1]];
    const air = bars && !seen.is_mean ? 0.08 : 0, main = colour("--main"), size = 13, hatch = hatched();
    const isComplete = (quality) => COMPLETE.has(quality), isPartial = (quality) => !isComplete(quality), points = { show: false };
    const besides = compared ? [compared.values, compared.low, compared.high].filter(Boolean) : [];
    const series = [
      {},
      { stroke: air ? colour("--bar") : main, fill: air ? colour("--bar") : colour("--fill"), width: 2, paths: stepped(edges, values, spansOf(seen, isComplete), air, true), points },
      { stroke: main, fill: air ? colour("--paper") : undefined, width: 1.6, dash: [3, 3], paths: stepped(edges, values, spansOf(seen, isPartial), air), points },
    ];
    if (compared) series.push({ stroke: colour("--compared"), width: 2, dash: [7, 4], paths: stepped(edges, compared.values, whole), points });
    return new uPlot(
      {
        ...options(edges, [values, ...besides], figure, HEIGHT, seen.from_zero, size),
        series,
        cursor: { drag: { x: true, y: false, setScale: false, dist: 6 }, points, y: false },
        hooks: {
          drawClear: [(u) => bands(u, seen, hatch)],
          draw: [(u) => heights(u, size), (u) => marks(u, seen.notes)],
          setCursor: [(u) => onRead(u.cursor.idx === null || u.cursor.left < 0 ? null : stepAt(edges, u.posToVal(u.cursor.left, "x")))],
        },
      },
      ends(edges, series),
    );
  }

  function strip(seen, figure) {
    const { edges } = seen, { values } = seen.weather, points = { show: false };
    const series = [{}, { stroke: colour("--weather"), width: 1.8, paths: stepped(edges, values, [[0, edges.length - 1]]), points }];
    const plain = options(edges, [values], figure, STRIP, false, 12);
    plain.axes[0].show = false;
    plain.padding = [18, 0, 6, 0];
    plain.axes[1].space = 40;
    return new uPlot(
      {
        ...plain,
        series,
        cursor: { drag: { x: false, y: false }, points, y: false },
        hooks: { draw: [(u) => heights(u, 12)] },
      },
      ends(edges, series),
    );
  }

  const ends = (edges, series) => series.map((one, n) => (n ? [0, 0] : [edges[0], edges[edges.length - 1]]));

  // -- the answer as the charts read it ---------------------------------------------------------------------------

  // The last edge ends the last step: each column has one value more, of none.
  function column(list) {
    const values = new Float64Array(list.length + 1).fill(NaN);
    for (let n = 0; n < list.length; n++) if (list[n] !== null) values[n] = list[n];
    return values;
  }

  function prepare(seen) {
    const count = seen.values.length, step_s = seen.step_s;
    seen.edges = new Float64Array(count + 1);
    for (let n = 0; n < count; n++) seen.edges[n] = step_s ? seen.first_s + n * step_s : seen.starts_s[n];
    seen.edges[count] = seen.end_s;
    seen.values = column(seen.values);
    if (seen.weather) seen.weather.values = column(seen.weather.values);
    for (const name of seen.compared ? ["values", "low", "high"] : []) if (seen.compared[name]) seen.compared[name] = column(seen.compared[name]);
    return seen;
  }

  const spansOf = (seen, isAsked) => seen.quality_runs.filter((run) => isAsked(run.quality)).map(({ begin, end }) => [begin, end]);

  // Which step an instant is in.
  function stepAt(edges, s) {
    let from = 0, to = edges.length - 1;
    while (to - from > 1) {
      const middle = (from + to) >> 1;
      if (edges[middle] <= s) from = middle;
      else to = middle;
    }
    return from;
  }

  // -- what is done with it ---------------------------------------------------------------------------------------

  function readOut(seen, n, words) {
    const from = seen.edges[n] * 1000, to = seen.edges[n + 1] * 1000;
    const when = seen.step === "day" ? DAY.format(from) : seen.step === "month" ? MONTH.format(from) : `${DAY.format(from)} ${CLOCK.format(from)}–${CLOCK.format(to)}`;
    const parts = [`${when}: ${Number.isNaN(seen.values[n]) ? "–" : `${number(seen.values[n])} ${seen.unit}`}`];
    const { quality } = seen.quality_runs.find(({ end }) => end > n);
    if (quality && quality !== "measured") parts[0] += ` (${words[quality]})`;
    if (seen.compared && !Number.isNaN(seen.compared.values[n])) parts.push(`${seen.compared.name}: ${number(seen.compared.values[n])} ${seen.unit}`);
    if (seen.weather && !Number.isNaN(seen.weather.values[n])) parts.push(`${number(seen.weather.values[n])} ${seen.weather.quantity === "temperature" ? "°C" : "W/m²"}`);
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
    prepare(seen);
    look = getComputedStyle(document.body);
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
      const last = seen.edges.length - 2, stride = event.shiftKey ? 4 : 1;
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
