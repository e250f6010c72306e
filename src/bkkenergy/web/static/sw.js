// On this device: the last figures of the overview, agencies and buildings, for when the server cannot be reached. Signing out,
// and the sign-in page, remove them; what is older than a day is not shown.
"use strict";
const MARK = new URL(location).searchParams.get("mark");
// Pages of a survey, with their files, stay for 30 days: a plant room has no network the day after, too. What is entered there is
// stored by survey.js, and no sign-out removes what the server does not have yet.
const PAGES = "pages", SURVEYS = "surveys", FILES = `files-${MARK}`;
const DAY_MS = 24 * 3600 * 1000, MAX_PAGES = 30, SURVEY_DAYS = 30;
const SURVEY = /^\/buildings\/[^/]+\/survey$/;
const STORED = /^\/($|agencies\/[^/]+$|buildings\/[^/]+$)/;

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(FILES).then((files) => files.add("/offline")).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const old = async () => {
    for (const name of await caches.keys()) if (![PAGES, SURVEYS, FILES].includes(name)) await caches.delete(name);
    await self.registration.navigationPreload?.enable();
    await self.clients.claim();
  };
  event.waitUntil(old());
});

self.addEventListener("fetch", (event) => {
  const request = event.request, { origin, pathname } = new URL(request.url);
  if (origin !== location.origin) return;
  if (pathname === "/login" || pathname === "/logout") event.waitUntil(Promise.all([caches.delete(PAGES), caches.delete(SURVEYS)]));
  if (request.method !== "GET") return;
  if (pathname.startsWith("/static/")) event.respondWith(file(request));
  else if (request.mode === "navigate") event.respondWith(page(request, pathname, event.preloadResponse));
});

async function file(request) {
  const files = await caches.open(FILES), stored = (await files.match(request)) ?? (await (await caches.open(SURVEYS)).match(request));
  if (stored) return stored;
  const answer = await fetch(request);
  if (answer.ok && request.url.includes(MARK)) await files.put(request, answer.clone());
  return answer;
}

// preloaded : the browser's own request. Of one from here the server would not see that a person clicked a link elsewhere.
async function page(request, pathname, preloaded) {
  try {
    const answer = (await preloaded) ?? (await fetch(request));
    if (answer.status === 200 && answer.type === "basic" && STORED.test(pathname)) await store(pathname, answer.clone());
    if (answer.status === 200 && answer.type === "basic" && SURVEY.test(pathname)) {
      await (await caches.open(SURVEYS)).put(pathname, answer.clone());
    }
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
  const isSurvey = SURVEY.test(pathname), max = DAY_MS * (isSurvey ? SURVEY_DAYS : 1);
  const known = await (await caches.open(isSurvey ? SURVEYS : PAGES)).match(pathname);
  if (!known || !(Date.now() - Date.parse(known.headers.get("date")) < max)) return null;
  const text = (await known.text()).replace('class="offline" role="status" hidden', 'class="offline" role="status"');
  const headers = {};
  for (const name of ["content-type", "content-security-policy"]) headers[name] = known.headers.get(name);
  return new Response(text, { headers });
}
