// What scripts add to pages that work without them: keys, refresh, live entries, local times, copying.
// Nothing here makes HTML from text: rows come from the server, everything else is made as elements.

const WORDS = {
  completions: "How the filter may go on",
  refresh: "Refresh", live: "Live", stop: "Stop live", lost: "Live has ended. Reload the page to go on.",
  local: "Local time", utc: "UTC", keys: "Keys", copy: "Copy", copied: "Copied", close: "Close",
  use: "Use these keys", failed: "The list could not be refreshed. Try again.",
  fresh: (count) => (count === 1 ? "1 new entry" : `${count} new entries`),
};

// ---- What this browser remembers; without storage it remembers nothing ----

const remembered = (name) => { try { return localStorage.getItem(`indelible.${name}`); } catch { return null; } };
const remember = (name, value) => { try { localStorage.setItem(`indelible.${name}`, value); } catch { /* not kept */ } };

const one = (css, within = document) => within.querySelector(css);
const all = (css, within = document) => [...within.querySelectorAll(css)];

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const tools = one("#tools");
const said = element("p", { className: "toast" });
said.setAttribute("role", "status");

function tool(label, act) {
  const button = element("button", { type: "button", className: "tool", textContent: label });
  button.addEventListener("click", act);
  tools?.append(button);
  return button;
}

// ---- The list, made anew by the server in place ----

let refreshing = Promise.resolve(true);

const rowLinks = (within) => all("#results .cover", within);
/** Rows that are seen: others of a user action may be folded. */
const seenLinks = () => all("main .cover").filter((link) => link.offsetParent !== null);
const hrefOf = (link) => link.getAttribute("href");

/** Shows the list as it is now; whoever is somewhere in it stays there. Says whether it could. */
function refresh() {
  // One after the other: what arrives while the list is fetched may not be in it yet.
  refreshing = refreshing.then(fetchList);
  return refreshing;
}

async function fetchList() {
  try {
    const answer = await fetch(location.href);
    // A session that has ended leads to the sign-in page, which is a page of its own.
    if (answer.redirected) { location.reload(); return true; }
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    said.textContent = "";
    return true;
  } catch {
    said.textContent = WORDS.failed;
    return false;
  }
}

function show(page) {
  const known = new Set(rowLinks(document).map(hrefOf));
  const focused = document.activeElement?.closest("#results tr")?.querySelector(".cover");
  const results = one("#results", page);
  if (!results) return;
  const opened = new Set(all("#results .same[open]").map((same) => hrefOf(one(".cover", same.closest("tr")))));
  for (const link of rowLinks(page)) {
    if (known.size > 0 && !known.has(hrefOf(link))) link.closest("tr").classList.add("new");
  }
  for (const same of all(".same", results)) same.open = opened.has(hrefOf(one(".cover", same.closest("tr"))));
  one("#results").replaceWith(document.adoptNode(results));
  const [total, totalNow] = [one(".head > p.quiet"), one(".head > p.quiet", page)];
  if (total && totalNow) total.textContent = totalNow.textContent;
  const tail = one("#tools", page)?.dataset.tail;
  if (tail && tools) tools.dataset.tail = tail;
  if (focused) rowLinks(document).find((link) => hrefOf(link) === hrefOf(focused))?.focus({ preventScroll: true });
  showTimes();
}

// ---- Live: the tail says that there is something new, the list is made anew ----

/** Bursts are shown at most this often. */
const SHOWN_EVERY_MS = 1000;
/** After a failure. */
const TRIED_AGAIN_MS = 10_000;

const live = { button: null, offer: null, stream: null, lastId: -1, waiting: 0, timer: null };

function tailAddress() {
  const address = new URL(tools.dataset.tail, location.href);
  if (live.lastId > Number(address.searchParams.get("after") ?? -1)) address.searchParams.set("after", live.lastId);
  return address;
}

function openStream() {
  if (live.stream || document.hidden) return;
  // Once it stands it resumes by itself, with `Last-Event-ID`.
  live.stream = new EventSource(tailAddress());
  live.stream.onmessage = arrived;
  live.stream.onerror = () => {
    if (live.stream?.readyState !== EventSource.CLOSED) return;
    stopLive();
    said.textContent = WORDS.lost;
  };
}

function closeStream() {
  live.stream?.close();
  live.stream = null;
}

function arrived(event) {
  live.lastId = Number(event.lastEventId);
  live.waiting += 1;
  // Who reads further down keeps the place and is told; whoever is at the top sees it come.
  if (scrollY > 200) offerNew();
  else live.timer ??= setTimeout(showNew, live.waiting === 1 ? 50 : SHOWN_EVERY_MS);
}

function offerNew() {
  live.offer.textContent = WORDS.fresh(live.waiting);
  live.offer.hidden = false;
}

async function showNew() {
  const shown = live.waiting;
  const isShown = await refresh();
  if (isShown) live.waiting -= Math.min(shown, live.waiting);
  live.timer = live.waiting > 0 ? setTimeout(showNew, isShown ? SHOWN_EVERY_MS : TRIED_AGAIN_MS) : null;
  if (live.waiting === 0) live.offer.hidden = true;
}

function startLive() {
  live.button.setAttribute("aria-pressed", "true");
  live.button.textContent = WORDS.stop;
  remember("live", "yes");
  openStream();
}

function stopLive() {
  closeStream();
  live.button.setAttribute("aria-pressed", "false");
  live.button.textContent = WORDS.live;
  remember("live", "no");
}

const toggleLive = () => (live.stream ? stopLive() : startLive());

function offerLive() {
  live.offer = element("button", { type: "button", className: "tool arrivals", hidden: true });
  live.offer.addEventListener("click", async () => { scrollTo({ top: 0 }); await showNew(); });
  document.body.append(live.offer);
  live.button = tool(WORDS.live, toggleLive);
  live.button.setAttribute("aria-pressed", "false");
  // A page that nobody looks at must not hold one of the browser's few connections.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) closeStream();
    else if (live.button.getAttribute("aria-pressed") === "true") openStream();
  });
  if (remembered("live") === "yes") startLive();
}

// ---- Times: as the server wrote them, in UTC, or where the reader is ----

let isLocal = remembered("time") === "local";

const parts = (date, options) =>
  Object.fromEntries(new Intl.DateTimeFormat("en-GB", options).formatToParts(date).map((part) => [part.type, part.value]));

const EXACT = {
  year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
  fractionalSecondDigits: 3, timeZoneName: "shortOffset", hourCycle: "h23",
};

function localTime(time) {
  const part = parts(new Date(time.dateTime), EXACT);
  const clock = `${part.hour}:${part.minute}:${part.second}`;
  return { clock, exact: `${part.year}-${part.month}-${part.day} ${clock}.${part.fractionalSecond} ${part.timeZoneName}` };
}

function localDay(time) {
  const part = parts(new Date(time.dateTime), { weekday: "long", day: "numeric", month: "long", year: "numeric" });
  return `${part.weekday}, ${part.day} ${part.month} ${part.year}`;
}

/** Writes what the server wrote, or its local form; the server's is kept beside it. */
function write(target, name, local) {
  target.dataset[name] ??= name === "title" ? target.title : target.textContent;
  const text = isLocal ? local : target.dataset[name];
  if (name === "title") target.title = text; else target.textContent = text;
}

function showTimes() {
  for (const time of all("time[datetime]")) {
    const { clock, exact } = localTime(time);
    if (time.title) write(time, "title", exact);
    if (time.classList.contains("exact")) write(time, "text", exact);
    const beside = time.nextElementSibling;
    if (beside?.matches(".list .clock")) write(beside, "text", clock);
  }
  showDays();
}

/** The list's headings are days of UTC; in local time they are put where the reader's days begin. */
function showDays() {
  const list = one("#results .list");
  if (!list) return;
  for (const heading of all(".day", list)) {
    heading.classList.toggle("elsewhere", isLocal && !heading.dataset.own);
    if (heading.dataset.own) heading.remove();
  }
  if (!isLocal || !one(".day", list)) return;
  const width = one(".day th", list).colSpan;
  let last = "";
  for (const row of all("tbody tr:not(.day)", list)) {
    const day = localDay(one("time", row));
    if (day === last) continue;
    last = day;
    const heading = element("tr", { className: "day" }, element("th", { colSpan: width, textContent: day }));
    heading.dataset.own = "yes";
    row.before(heading);
  }
}

let zone = null;

function toggleTime() {
  isLocal = !isLocal;
  remember("time", isLocal ? "local" : "utc");
  if (zone) zone.textContent = isLocal ? WORDS.utc : WORDS.local;
  showTimes();
}

// ---- Copying what is picked as a whole ----

function offerCopies() {
  // Pages that came over plain HTTP from elsewhere have no clipboard.
  if (!navigator.clipboard) return;
  for (const code of all("main code.pick")) {
    // Ids and hashes are copied; a plain word such as an entity's type is typed as fast.
    if (!/\d/.test(code.textContent)) continue;
    const button = element("button", { type: "button", className: "copy", textContent: WORDS.copy });
    button.setAttribute("aria-label", `${WORDS.copy} ${code.textContent}`);
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(code.textContent);
      said.textContent = WORDS.copied;
      setTimeout(() => { said.textContent = ""; }, 1500);
    });
    code.after(button);
  }
}

// ---- Keys ----

let usesKeys = remembered("keys") !== "no";

const follow = (css) => one(css)?.click();

/** Moves to the next or previous row; the focus is the selection, so Enter opens it. */
function step(by) {
  const links = seenLinks();
  const at = links.indexOf(document.activeElement?.closest("tr, li")?.querySelector(".cover"));
  const next = at < 0 ? (by > 0 ? 0 : links.length - 1) : at + by;
  const link = links[Math.max(0, Math.min(links.length - 1, next))];
  link?.focus();
  link?.scrollIntoView({ block: "nearest" });
}

function toggleRaw() {
  const raw = one("#raw");
  raw.open = !raw.open;
  if (raw.open) raw.scrollIntoView({ block: "start" });
}

const isList = one("#results") !== null;
const KEYS = [
  ["/", "Search", () => (one("#f-q") ?? one("#find"))?.focus(), true],
  ["j", "Next row", () => step(1), one("main .cover") !== null],
  ["k", "Row before", () => step(-1), one("main .cover") !== null],
  ["[", "Newer, or the entry before", () => follow("main [rel=prev], .related.before a"), true],
  ["]", "Older, or the entry after", () => follow("main [rel=next], .related.after a"), true],
  ["r", "Refresh", refresh, isList],
  ["r", "Raw JSON", toggleRaw, one("#raw") !== null],
  ["l", "Live on or off", toggleLive, Boolean(tools?.dataset.tail)],
  ["t", "Local time or UTC", toggleTime, one("main time") !== null],
  ["?", "These keys", () => help(), true],
].filter(([, , , applies]) => applies);

const dialog = element("dialog", { className: "keys" });

function help() {
  if (!dialog.isConnected) fillHelp();
  if (dialog.open) dialog.close(); else dialog.showModal();
}

function fillHelp() {
  const heading = element("h2", { id: "keys-heading", textContent: WORDS.keys });
  dialog.setAttribute("aria-labelledby", heading.id);
  const table = element("dl", { className: "facts" });
  const shown = KEYS.map(([key, what]) => [key, what]);
  if (one("main .cover")) shown.splice(3, 0, ["Enter", "Open the row"]);
  for (const [key, what] of shown) {
    table.append(element("dt", {}, element("kbd", { textContent: key })), element("dd", { textContent: what }));
  }
  const use = element("input", { type: "checkbox", checked: usesKeys });
  use.addEventListener("change", () => { usesKeys = use.checked; remember("keys", usesKeys ? "yes" : "no"); });
  const close = element("button", { type: "button", className: "button", textContent: WORDS.close });
  close.addEventListener("click", () => dialog.close());
  dialog.append(heading, table, element("label", {}, use, ` ${WORDS.use}`), close);
  document.body.append(dialog);
}

const isTyping = (target) => target.closest("input, select, textarea, [contenteditable]") !== null;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || !usesKeys) return;
  if (isTyping(event.target) || (dialog.open && event.key !== "?")) return;
  const act = KEYS.find(([key]) => key === event.key)?.[2];
  if (!act) return;
  event.preventDefault();
  act();
});

// ---- How a filter may go on: fields and values below the search box ----

/** Whoever types fast asks once. */
const ASKED_AFTER_MS = 120;

function offerCompletions(box) {
  const list = element("ul", { className: "completions", id: "completions", hidden: true });
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", WORDS.completions);
  box.after(list);
  for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-controls", list.id], ["aria-expanded", "false"]]) {
    box.setAttribute(name, value);
  }
  let [timer, asked, found, at] = [null, 0, null, -1];

  function close() {
    clearTimeout(timer);
    asked += 1;
    list.hidden = true;
    at = -1;
    box.setAttribute("aria-expanded", "false");
    box.removeAttribute("aria-activedescendant");
  }

  async function ask() {
    const number = (asked += 1);
    const address = new URL(box.dataset.completions, location.href);
    address.searchParams.set("text", box.value.slice(0, box.selectionStart));
    try {
      const answer = await fetch(address);
      if (!answer.ok || number !== asked || document.activeElement !== box) return;
      found = await answer.json();
      if (number === asked) fill();
    } catch { /* One goes on typing without. */ }
  }

  function fill() {
    if (found.options.length === 0) { close(); return; }
    list.replaceChildren(...found.options.map(({ label, count }, place) => {
      const item = element("li", { id: `completion-${place}` }, element("span", { textContent: label }));
      if (count !== null) item.append(element("small", { textContent: count.toLocaleString("en") }));
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", "false");
      // A press would take the focus from the box.
      item.addEventListener("pointerdown", (event) => { event.preventDefault(); take(place); });
      return item;
    }));
    at = -1;
    list.hidden = false;
    box.setAttribute("aria-expanded", "true");
  }

  function choose(place) {
    const items = [...list.children];
    at = (place + items.length) % items.length;
    items.forEach((item, other) => item.setAttribute("aria-selected", String(other === at)));
    items[at].scrollIntoView({ block: "nearest" });
    box.setAttribute("aria-activedescendant", items[at].id);
  }

  function take(place) {
    const { text } = found.options[place];
    const caret = box.selectionStart;
    box.setRangeText(text, caret - found.replaces.length, caret, "end");
    close();
    if (!text.endsWith(" ")) ask();
  }

  box.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, ASKED_AFTER_MS); });
  box.addEventListener("blur", close);
  box.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "ArrowDown" && list.hidden) { event.preventDefault(); ask(); return; }
    if (list.hidden) return;
    const acts = {
      ArrowDown: () => choose(at + 1),
      ArrowUp: () => choose(at < 0 ? -1 : at - 1),
      Escape: close,
      // Without a choice both do what they always do.
      ...(at < 0 ? {} : { Enter: () => take(at), Tab: () => take(at) }),
    };
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}

// ---- The slider of a history says which entry it stands at ----

function offerPoint(slider) {
  const told = one("#point-told");
  const tell = () => {
    const line = one(`[name="compare"][value="${slider.value}"]`)?.closest("li");
    const time = line && one("time", line);
    told.textContent = `${slider.value} of ${slider.max}`;
    slider.setAttribute("aria-valuetext", time ? `${told.textContent}, ${time.title}` : told.textContent);
    all(".timeline .at").forEach((other) => other.classList.remove("at"));
    line?.classList.add("at");
  };
  slider.addEventListener("input", tell);
}

// ---- What the page gets ----

document.body.append(said);
if (tools) {
  if (isList) tool(WORDS.refresh, refresh);
  if (tools.dataset.tail) offerLive();
  zone = tool(isLocal ? WORDS.utc : WORDS.local, toggleTime);
  tool(WORDS.keys, help);
}
if (isLocal) showTimes();
offerCopies();
const point = one("#point");
if (point) offerPoint(point);
const searchBox = one("#f-q[data-completions]");
if (searchBox) offerCompletions(searchBox);
