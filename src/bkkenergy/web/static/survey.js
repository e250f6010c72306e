// A survey of a building's equipment on a phone, room by room. What is entered is stored on this device at once, and sent when the
// server can be reached: each thing by an id that was made here, so that it is entered once however often it is sent. Nothing that the
// server does not have is ever removed but by hand. What the server has is removed here.
// This is a module: its names are not those of app.js.
const root = document.getElementById("survey"), said = root.dataset;
const SURVEYS = "surveys", MAX_SIDE = 1600, QUALITY = 0.82, BTU_PER_WH = 3.412142, KW_PER_RT = 3.516853, BUDDHIST_ERA = 543;
const { lang } = document.documentElement;
const one = (selector, within = root) => within.querySelector(selector);
let known = JSON.parse(said.survey), busy = false;

// -- on this device ------------------------------------------------------------------------------------------------------------

const opened = new Promise((resolve, reject) => {
  const asked = indexedDB.open("survey", 1);
  asked.onupgradeneeded = () => {
    for (const name of ["items", "photos", "rooms"]) asked.result.createObjectStore(name, { keyPath: "id" });
  };
  asked.onsuccess = () => resolve(asked.result);
  asked.onerror = () => reject(asked.error);
});

async function ask(store, mode, work) {
  const base = await opened;
  return new Promise((resolve, reject) => {
    const turn = base.transaction(store, mode), request = work(turn.objectStore(store));
    turn.oncomplete = () => resolve(request.result);
    turn.onerror = turn.onabort = () => reject(turn.error);
  });
}
const read = (store, id) => ask(store, "readonly", (each) => each.get(id));
const all = (store) => ask(store, "readonly", (each) => each.getAll());
const write = (store, thing) => ask(store, "readwrite", (each) => each.put(thing));
const drop = (store, id) => ask(store, "readwrite", (each) => each.delete(id));
const isOwn = (thing) => thing.user === known.user && thing.building === known.building;

function madeId() {
  return `survey-${[...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

// -- what is typed -------------------------------------------------------------------------------------------------------------

const FIELDS = {
  count: { least: 1, most: 100000, whole: true },
  cooling: { above: 0, most: 1e8 },
  efficiency: { above: 0, most: 60 },
  power: { above: 0, most: 1e7 },
  hours: { above: 0, most: 24 },
  flow: { above: 0, most: 100 },
  year: { least: 1900, most: known.year + 1, whole: true },
};

// Thai and full-width digits are digits. Undefined where nothing is typed, NaN where it is no number.
function numberOf(typed) {
  const text = typed.normalize("NFKC").replace(/[๐-๙]/g, (digit) => digit.charCodeAt(0) - 0xe50).replace(/[,\s]/g, "");
  return text === "" ? undefined : /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
}

function faultOf(name, value) {
  const { least, above, most, whole } = FIELDS[name];
  if (Number.isNaN(value) || (whole && !Number.isInteger(value))) return said.number;
  return value > most || value < (least ?? -1) || value <= (above ?? -1) ? said.bounds.replace("%", `${above === undefined ? least : `> ${above}`}–${most}`) : "";
}

// Fields as the portfolio has them; what is empty is null, so that it can be emptied.
function fieldsOf(typed, numbers, room) {
  const cooling = numbers.cooling, kw = typed.cooling_unit === "rt" ? cooling * KW_PER_RT : cooling;
  const isBtu = typed.cooling_unit === "btu_h", round = (value) => Number(value.toPrecision(9));
  const orNull = (value) => (value === undefined ? null : round(value));
  return {
    count: numbers.count,
    cooling_btu_h: isBtu ? orNull(cooling) : null,
    cooling_kw: isBtu || cooling === undefined ? null : round(kw),
    seer_btu_h_per_w: orNull(typed.efficiency_unit === "cop" && numbers.efficiency ? numbers.efficiency * BTU_PER_WH : numbers.efficiency),
    rated_kw: orNull(typed.power_unit === "w" && numbers.power ? numbers.power / 1000 : numbers.power),
    hours_a_day: orNull(numbers.hours),
    flow_ratio: orNull(numbers.flow === undefined ? undefined : numbers.flow / 100),
    installed_year: numbers.year ?? null,
    note: typed.note.trim(),
    room,
  };
}

// A wrong unit is the usual mistake: one split unit of 12,000 kW, a lamp of 36 kW.
function isOdd(kind, fields) {
  const cooling = fields.cooling_kw ?? (fields.cooling_btu_h === null ? null : fields.cooling_btu_h / BTU_PER_WH / 1000);
  const [least, most] = kind === "chiller" ? [20, 20000] : [1, 60], seer = fields.seer_btu_h_per_w;
  return (cooling !== null && (cooling < least || cooling > most)) || (seer !== null && (seer < 5 || seer > 35))
    || (fields.rated_kw !== null && fields.rated_kw > { lighting: 2, split_air_conditioner: 25, fan: 200 }[kind])
    || fields.count > 5000;
}

function factsOf(value) {
  const facts = [];
  const add = (name, unit, factor = 1) => value[name] != null && facts.push(`${Number((value[name] * factor).toPrecision(6)).toLocaleString("en")} ${unit}`);
  add("cooling_btu_h", "BTU/h");
  add("cooling_kw", "kW");
  add("rated_kw", "W", 1000);
  add("seer_btu_h_per_w", "SEER");
  add("hours_a_day", lang === "th" ? "ชม./วัน" : "h/day");
  if (value.installed_year) facts.push(lang === "th" ? `พ.ศ. ${value.installed_year + BUDDHIST_ERA}` : value.installed_year);
  return `${value.count ?? 1} × ${facts.join(" · ") || "–"}`;
}

// -- the list ------------------------------------------------------------------------------------------------------------------

function say(...names) {
  const here = { network: ["away", "signed_out", "failed"], offline: ["preparing", "ready", "unready"] };
  for (const name of names) {
    const group = Object.values(here).find((each) => each.includes(name)) ?? [name];
    for (const each of group) one(`[data-say=${each}]`).hidden = each !== name;
  }
}
const hush = (...names) => names.forEach((name) => { one(`[data-say=${name}]`).hidden = true; });

async function show() {
  const items = await all("items"), photos = await all("photos"), rooms = await all("rooms");
  const own = items.filter(isOwn), waiting = items.length + photos.length;
  localStorage.setItem("unsent", waiting);
  const ours = own.length + photos.filter(isOwn).length;
  one("[data-waiting]").hidden = ours === 0;
  one("[data-none]").hidden = ours > 0;
  one("[data-count]").textContent = ours;
  const others = new Set([...items, ...photos].filter((each) => !isOwn(each)).map((each) => `${each.user}: ${each.building}`));
  one("[data-say=others]").hidden = others.size === 0;
  one("[data-others]").textContent = [...others].join(", ");
  const local = new Map(own.map((item) => [item.id, item]));
  const things = known.equipment.filter((each) => !local.has(each.id)).map((each) => ({ ...each, kind: each.value.kind, state: "known" }));
  things.push(...own.map((item) => ({ ...item, value: item.fields })));
  const named = [...new Set([...things.map((each) => each.value.room ?? ""), ...rooms.filter(isOwn).map((room) => room.room)])];
  named.sort((a, b) => (a === "") - (b === "") || a.localeCompare(b, lang, { numeric: true }));
  const list = one("[data-list]");
  list.replaceChildren(...named.map((room) => roomShown(room, things.filter((each) => (each.value.room ?? "") === room), photos)));
}

function roomShown(name, things, photos) {
  const shown = document.getElementById("room").content.cloneNode(true);
  one("h2", shown).textContent = name || said.noroom;
  one("ul", shown).append(...things.map((thing) => thingShown(thing, photos.filter((photo) => photo.item === thing.id))));
  one("[data-add]", shown).addEventListener("click", () => chooseKind(name));
  return shown;
}

function thingShown(thing, photos) {
  const shown = document.getElementById("item").content.cloneNode(true), stored = known.equipment.find((each) => each.id === thing.id);
  one("b", shown).textContent = nameOf(thing);
  one("[data-facts]", shown).textContent = factsOf(thing.value);
  one("[data-photos]", shown).hidden = !stored?.photos;
  one("[data-photos] i", shown).textContent = stored?.photos ?? "";
  one("[data-edit]", shown).addEventListener("click", () => edit(thing));
  const state = photos.some((photo) => photo.why) && thing.state === "known" ? "refused" : photos.length && thing.state === "known" ? "waiting" : thing.state;
  const mark = one(`[data-state=${state}]`, shown);
  if (mark) mark.hidden = false;
  if (state === "refused") one("i", mark).textContent = thing.why ?? photos.find((photo) => photo.why).why;
  if (state === "conflict") {
    one("i", mark).textContent = thing.theirs ? factsOf(thing.theirs.value) : "–";
    one("[data-mine]", mark).addEventListener("click", () => settle(thing.id, true));
    one("[data-theirs]", mark).addEventListener("click", () => settle(thing.id, false));
  }
  for (const photo of photos) draw(photo, one(".shots", shown));
  return shown;
}

function nameOf(thing) {
  const [th, en] = known.kinds[thing.kind] ?? [thing.kind, thing.kind], { name_th, name_en } = thing.value;
  return (lang === "th" ? name_th ?? th : name_en ?? en) || thing.kind;
}

// Pictures are drawn: the page's policy lets in none of a made address.
async function draw(photo, place) {
  const canvas = place.appendChild(document.createElement("canvas"));
  const picture = await createImageBitmap(new Blob([photo.bytes], { type: "image/jpeg" }));
  [canvas.width, canvas.height] = [picture.width, picture.height].map((side) => Math.round((side * 192) / Math.max(picture.width, picture.height)));
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
}

async function settle(id, isMine) {
  const item = await read("items", id);
  if (!item) return;
  if (isMine) await write("items", { ...item, state: "waiting", revision: item.theirs?.revision ?? 0, at: Date.now(), theirs: null });
  else await drop("items", id);
  await send();
}

// -- entering ------------------------------------------------------------------------------------------------------------------

const kinds = document.getElementById("kinds"), entry = document.getElementById("entry"), form = one("form", entry);
let edited = null, shots = [], isOddKnown = false;

function chooseKind(room) {
  kinds.showModal();
  kinds.onclick = (event) => {
    const button = event.target.closest("[data-kind]");
    if (!button) return;
    kinds.close();
    edit({ id: madeId(), kind: button.dataset.kind, room, value: {}, revision: 0, state: "new" });
  };
}

function edit(thing) {
  const { value } = thing;
  edited = { ...thing, room: thing.value.room ?? thing.room };
  [shots, isOddKnown] = [[], false];
  one(".shots", form).replaceChildren();
  one(".fault", form).hidden = true;
  one("h2", form).textContent = `${edited.room || said.noroom}: ${nameOf({ kind: thing.kind, value: {} })}`;
  for (const label of form.querySelectorAll("[data-for]")) label.hidden = !label.dataset.for.split(" ").includes(thing.kind);
  const inputs = form.elements, isKw = value.cooling_kw != null || (thing.kind === "chiller" && value.cooling_btu_h == null);
  const shown = (number, factor = 1) => (number == null ? "" : Number((number * factor).toPrecision(6)));
  inputs.count.value = value.count ?? 1;
  inputs.cooling.value = shown(value.cooling_kw ?? value.cooling_btu_h);
  inputs.cooling_unit.value = isKw ? "kw" : "btu_h";
  inputs.efficiency.value = shown(value.seer_btu_h_per_w);
  inputs.efficiency_unit.value = "seer";
  inputs.power.value = shown(value.rated_kw, 1000);
  inputs.power_unit.value = "w";
  inputs.hours.value = shown(value.hours_a_day);
  inputs.flow.value = shown(value.flow_ratio, 100);
  inputs.year.value = value.installed_year ? value.installed_year + (lang === "th" ? BUDDHIST_ERA : 0) : "";
  inputs.name.value = (lang === "th" ? value.name_th : value.name_en) ?? "";
  inputs.note.value = value.note ?? "";
  one("[data-remove]", form).hidden = !["waiting", "refused"].includes(thing.state);
  entry.showModal();
}

function typedNumbers() {
  const typed = Object.fromEntries(new FormData(form)), numbers = {}, faults = [];
  for (const name of Object.keys(FIELDS)) {
    const input = form.elements[name], label = input.closest("label");
    if (label.hidden) continue;
    let value = numberOf(input.value);
    if (name === "year" && value >= 2400) value -= BUDDHIST_ERA;
    if (name === "count" && value === undefined) value = NaN;
    const fault = value === undefined ? "" : faultOf(name, value);
    if (fault) faults.push(`${label.firstChild.textContent.trim()}: ${fault}`);
    numbers[name] = value;
  }
  return { typed, numbers, faults };
}

function complain(text) {
  const fault = one(".fault", form);
  fault.textContent = text;
  fault.hidden = false;
  fault.scrollIntoView({ block: "nearest" });
}

async function save() {
  const { typed, numbers, faults } = typedNumbers();
  if (faults.length) return complain(faults.join(" · "));
  const fields = fieldsOf(typed, numbers, edited.room);
  if (isOdd(edited.kind, fields) && !isOddKnown) {
    isOddKnown = true;
    return complain(`${factsOf(fields)}: ${said.odd}`);
  }
  const [th, en] = known.kinds[edited.kind] ?? [edited.kind, edited.kind], name = typed.name.trim();
  const [name_th, name_en] = name ? (lang === "th" ? [name, edited.value.name_en ?? name] : [edited.value.name_th ?? name, name])
    : [th, en].map((kind) => [kind, edited.room].filter(Boolean).join(" "));
  const now = { building: known.building, user: known.user, at: Date.now() };
  const item = { ...now, id: edited.id, kind: edited.kind, fields: { ...fields, name_th, name_en }, revision: edited.revision, state: "waiting" };
  const before = edited.state === "known" ? { ...edited.value } : null;
  if (!before || Object.keys(item.fields).some((name_) => (item.fields[name_] ?? "") !== (before[name_] ?? ""))) await write("items", item);
  for (const bytes of shots) await write("photos", { ...now, id: madeId(), item: edited.id, bytes });
  if (item.fields.room) await write("rooms", { ...now, id: `${known.user}:${known.building}:${item.fields.room}`, room: item.fields.room });
  entry.close();
  await send();
}

async function shrunk(file) {
  const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
  const ratio = Math.min(1, MAX_SIDE / Math.max(picture.width, picture.height)), canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [Math.round(picture.width * ratio), Math.round(picture.height * ratio)];
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
  return blob.arrayBuffer();
}

form.elements.photo.addEventListener("change", async (event) => {
  for (const file of event.target.files) {
    try {
      shots.push(await shrunk(file));
      draw({ bytes: shots.at(-1) }, one(".shots", form));
    } catch {
      complain(said.photo);
    }
  }
  event.target.value = "";
});

// -- sending -------------------------------------------------------------------------------------------------------------------

// The page as it is now: who is signed in, and what the server has. Null where that cannot be known.
async function freshly() {
  const answer = await fetch(location.pathname, { cache: "no-store" }).catch(() => null);
  if (!answer) return void say("away");
  if (answer.redirected || answer.status === 401) return void say("signed_out");
  if (!answer.ok) return void say("failed");
  if (window.caches) await (await caches.open(SURVEYS)).put(location.pathname, answer.clone());
  const text = await answer.text();
  return JSON.parse(new DOMParser().parseFromString(text, "text/html").getElementById("survey").dataset.survey);
}

async function send() {
  if (busy) return;
  busy = true;
  try {
    const fresh = await freshly();
    if (!fresh) return;
    hush("away", "signed_out", "failed");
    known = fresh;
    const sent = [];
    for (const item of (await all("items")).filter(isOwn)) if (item.state === "waiting") sent.push(await sendItem(item));
    const blocked = new Set((await all("items")).map((item) => item.id));
    for (const photo of (await all("photos")).filter(isOwn)) if (!blocked.has(photo.item) && !photo.why) sent.push(await sendPhoto(photo));
    if (sent.length) known = (await freshly()) ?? known;
  } finally {
    busy = false;
    await show();
  }
}

const address = (id) => `/api/v1/portfolio/records/equipment/${id}`;

async function sendItem(item) {
  const isNew = !item.revision, value = { id: item.id, building: item.building, kind: item.kind };
  const fields = isNew ? Object.fromEntries(Object.entries(item.fields).filter(([, each]) => each !== null)) : item.fields;
  const answer = await fetch(address(item.id), {
    method: isNew ? "PUT" : "PATCH",
    headers: {
      "Content-Type": "application/json",
      "X-CSRF-Token": known.csrf,
      "Idempotency-Key": `${item.id}-${item.at}`,
      ...(isNew ? { "If-None-Match": "*" } : { "If-Match": `"${item.revision}"` }),
    },
    body: JSON.stringify(isNew ? { why: said.why, value: { ...value, ...fields } } : { why: said.why, fields }),
  }).catch(() => null);
  if (!answer) return void say("away");
  const tag = Number((answer.headers.get("ETag") ?? "").replaceAll('"', ""));
  if (answer.ok) return settled(item, tag);
  if (answer.status === 401) return void say("signed_out");
  const answered = await answer.json().catch(() => ({}));
  if ([409, 412].includes(answer.status) && "revision" in answered) return clash(item);
  if (answer.status >= 500 || [403, 408, 429].includes(answer.status)) return void say("failed");
  const why = [answered.title, ...(answered.faults ?? []).map((fault) => `${fault.what} ${fault.remedy}`)].filter(Boolean).join(" · ");
  await write("items", { ...item, state: "refused", why });
}

// What was entered again while it was on its way stays, as a change of what the server has now.
async function settled(item, revision) {
  const now = await read("items", item.id);
  if (now && now.at !== item.at) await write("items", { ...now, revision });
  else await drop("items", item.id);
}

// The answer to an earlier sending may have been lost: what the server has is then the same.
async function clash(item) {
  const answer = await fetch(address(item.id)).catch(() => null);
  if (!answer || answer.status >= 500) return void say("away");
  const theirs = answer.ok ? await answer.json() : null;
  const isSame = theirs && Object.entries(item.fields).every(([name, each]) => (theirs.value[name] ?? null) === (each === "" ? theirs.value[name] ?? null : each));
  if (isSame) return settled(item, theirs.revision);
  await write("items", { ...item, state: "conflict", theirs });
}

async function sendPhoto(photo) {
  const answer = await fetch(`/api/v1/equipment/${photo.item}/photos`, {
    method: "POST",
    headers: { "Content-Type": "image/jpeg", "X-CSRF-Token": known.csrf, "Idempotency-Key": photo.id },
    body: photo.bytes,
  }).catch(() => null);
  if (answer?.ok) return drop("photos", photo.id);
  if (!answer) return void say("away");
  if (answer.status === 401) return void say("signed_out");
  const answered = await answer.json().catch(() => ({}));
  if ([404, 413, 422].includes(answer.status)) await write("photos", { ...photo, why: answered.title ?? String(answer.status) });
  else say("failed");
}

// -- without a network ---------------------------------------------------------------------------------------------------------

// The page with its files is stored before it is called ready: a first visit is not yet seen by the service worker.
async function prepare() {
  if (!navigator.serviceWorker || !window.caches) return say("unready");
  say("preparing");
  await navigator.serviceWorker.ready;
  const store = await caches.open(SURVEYS);
  const files = [...document.querySelectorAll("link[rel=stylesheet], script[src]")].map((each) => each.href || each.src);
  await Promise.all(files.map(async (file) => (await store.match(file)) || store.add(file)));
  if (!(await store.match(location.pathname))) await store.add(location.pathname);
  navigator.storage?.persist?.();
  say("ready");
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  save().catch((error) => complain(`${said.device} ${error}`));
});
one("[data-remove]", form).addEventListener("click", async () => {
  if (!confirm(said.remove)) return;
  for (const photo of await all("photos")) if (photo.item === edited.id) await drop("photos", photo.id);
  await drop("items", edited.id);
  entry.close();
  await show();
});
for (const button of document.querySelectorAll("dialog [data-close]")) button.addEventListener("click", () => button.closest("dialog").close());
one("[data-rooms]").addEventListener("submit", async (event) => {
  event.preventDefault();
  const input = event.target.elements.room, room = input.value.normalize("NFC").trim().replace(/\s+/g, " ");
  if (!room) return;
  await write("rooms", { id: `${known.user}:${known.building}:${room}`, building: known.building, user: known.user, room, at: Date.now() });
  input.value = "";
  await show();
});
one("[data-send]").addEventListener("click", () => send());
addEventListener("online", () => send());
addEventListener("offline", () => say("away"));

opened.then(show).then(send).catch((error) => {
  const place = one("[data-say=broken]");
  place.textContent = `${said.device} ${error}`;
  place.hidden = false;
});
prepare().catch(() => say("unready"));
