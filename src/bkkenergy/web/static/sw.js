// On this device: the last figures of the overview, agencies and buildings, for when the server cannot be reached. Signing out,
// and the sign-in page, remove them; what is older than a day is not shown.
"use strict";
const MARK = new URL(location).searchParams.get("mark");
const PAGES = "pages", FILES = `files-${MARK}`;
const MAX_AGE_MS = 24 * 3600 * 1000, MAX_PAGES = 30;
const STORED = /^\/($|agencies\/[^/]+$|buildings\/[^/]+$)/;

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(FILES).then((files) => files.add("/offline")).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const old = async () => {
    for (const name of await caches.keys()) if (name !== PAGES && name !== FILES) await caches.delete(name);
    await self.clients.claim();
  };
  event.waitUntil(old());
});

self.addEventListener("fetch", (event) => {
  const request = event.request, { origin, pathname } = new URL(request.url);
  if (origin !== location.origin) return;
  if (pathname === "/login" || pathname === "/logout") event.waitUntil(caches.delete(PAGES));
  if (request.method !== "GET") return;
  if (pathname.startsWith("/static/")) event.respondWith(file(request));
  else if (request.mode === "navigate") event.respondWith(page(request, pathname));
});

async function file(request) {
  const files = await caches.open(FILES), stored = await files.match(request);
  if (stored) return stored;
  const answer = await fetch(request);
  if (answer.ok && request.url.includes(MARK)) await files.put(request, answer.clone());
  return answer;
}

async function page(request, pathname) {
  try {
    const answer = await fetch(request);
    if (answer.status === 200 && answer.type === "basic" && STORED.test(pathname)) await store(pathname, answer.clone());
    return answer;
  } catch {
    return (await stored(pathname)) ?? (await (await caches.open(FILES)).match("/offline")) ?? Response.error();
  }
}

async function store(pathname, answer) {
  const pages = await caches.open(PAGES);
  await pages.delete(pathname);
  await pages.put(pathname, answer);
  const all = await pages.keys();
  for (const each of all.slice(0, Math.max(0, all.length - MAX_PAGES))) await pages.delete(each);
}

async function stored(pathname) {
  const known = await (await caches.open(PAGES)).match(pathname);
  if (!known || !(Date.now() - Date.parse(known.headers.get("date")) < MAX_AGE_MS)) return null;
  const text = (await known.text()).replace('class="offline" role="status" hidden', 'class="offline" role="status"');
  const headers = {};
  for (const name of ["content-type", "content-security-policy"]) headers[name] = known.headers.get(name);
  return new Response(text, { headers });
}
