// The phone's page. Everything it shows and does goes through the control API
// (see CONTROL.md), and all text is set as text, never as markup.

const find = (id) => document.getElementById(id);

/** Makes an element; `parts` are its children, or text. */
function make(name, attributes = {}, ...parts) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...parts);
  return element;
}

/** Says what is wrong, or that nothing is. */
function complain(message = "") {
  find("trouble").textContent = message;
  find("trouble").hidden = message === "";
}

/** Makes a control call, and returns the JSON it is answered with. */
async function control(method, path, body) {
  const options = { method };
  if (body !== undefined) {
    options.headers = { "content-type": "application/json" };
    options.body = JSON.stringify(body);
  }
  const response = await fetch(`/control${path}`, options);
  const text = await response.text();
  const answer = text === "" ? null : JSON.parse(text);
  if (!response.ok) throw new Error(answer?.error ?? `the call failed with ${response.status}`);
  return answer;
}

/** Runs what somebody asked for, and shows what went wrong with it. */
async function attempt(action) {
  try {
    await action();
    complain();
  } catch (error) {
    complain(`That did not work: ${error.message}`);
  }
}

const time = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const date = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

// --- Who texts whom ---------------------------------------------------------

const FIRST_PHONE = "+15145550123";

/** The two numbers, kept in the address so that it can be shared and reloaded. */
const numbers = {
  read() {
    const kept = new URLSearchParams(location.hash.slice(1));
    return { phone: kept.get("phone") ?? FIRST_PHONE, shop: kept.get("shop") ?? "" };
  },
  write(phone, shop) {
    history.replaceState(null, "", `#${new URLSearchParams({ phone, shop })}`);
  },
};

let knownPhones = [];

async function showNumbers() {
  const [pairs, shops] = await Promise.all([
    control("GET", "/conversations"),
    control("GET", "/twilio/numbers"),
  ]);
  knownPhones = [...new Set(pairs.map((pair) => pair.phone))];
  const options = (values) => values.map((value) => make("option", { value }));
  find("phones").replaceChildren(...options(knownPhones));
  find("shops").replaceChildren(...options(shops.map((shop) => shop.number)));
  return shops;
}

/** A number of the range kept for fiction that nobody texted from yet. */
function unusedPhone() {
  const start = Number(FIRST_PHONE.slice(-2));
  const candidates = Array.from({ length: 99 - start }, (_, index) =>
    `${FIRST_PHONE.slice(0, -2)}${start + 1 + index}`);
  return candidates.find((phone) => !knownPhones.includes(phone)) ?? FIRST_PHONE;
}

// --- The texts --------------------------------------------------------------

const STATUS = {
  queued: "Queued", sending: "Sending", sent: "Sent", delivered: "Delivered",
  undelivered: "Not delivered", failed: "Failed", received: "Sent",
};

/** What became of the phone's own text: the answer to its webhook. */
function inboundStatus(text) {
  const webhook = text.webhooks.at(-1);
  if (!webhook || webhook.state === "running") {
    return webhook?.attempts.length ? "The shop did not take it; trying again" : "Sending";
  }
  if (webhook.state === "answered") return "Delivered to the shop";
  return `The shop did not take it: ${outcomeOf(webhook)}`;
}

/** How a text stands: the words below it, and the look of its bubble. */
function standing(text) {
  if (text.author === "phone") {
    const isFailed = text.webhooks.at(-1)?.state === "failed";
    return { words: inboundStatus(text), look: isFailed ? "failed" : "" };
  }
  const code = text.error_code === null ? "" : ` (${text.error_code})`;
  const by = { twilio: "Automatic reply by Twilio", twiml: "Reply in TwiML" }[text.author];
  const words = [by, STATUS[text.status] + code].filter(Boolean).join(" · ");
  const isFailed = ["undelivered", "failed"].includes(text.status);
  const isOnThePhone = text.status === "delivered";
  return { words, look: isFailed ? "failed" : isOnThePhone ? "" : "pending" };
}

/** Adds new texts and updates the others in place, so that a screen reader
    announces each text once. */
function showTexts(texts) {
  const list = find("texts");
  const screen = find("screen");
  const isAtEnd = screen.scrollHeight - screen.scrollTop - screen.clientHeight < 120;
  const shown = new Map([...list.children].map((item) => [item.dataset.sid, item]));
  for (const text of texts) {
    let item = shown.get(text.sid);
    if (!item) {
      const who = text.author === "phone" ? "You" : "The shop";
      const bubble = make("div", { class: "bubble", dir: "auto" });
      bubble.append(make("span", { class: "unseen" }, `${who}: `), text.body);
      for (const url of text.media) bubble.append(make("div", {}, `📎 ${url}`));
      item = make("li", { "data-sid": text.sid }, bubble, make("small", { class: "meta" }));
      list.append(item);
    }
    shown.delete(text.sid);
    const { words, look } = standing(text);
    const segments = text.segments > 1 ? ` · ${text.segments} segments` : "";
    const meta = `${time.format(new Date(text.created))} · ${words}${segments}`;
    const line = item.querySelector(".meta");
    if (line.textContent !== meta) line.textContent = meta;
    item.className = `text ${text.author === "phone" ? "mine" : ""} ${look}`;
  }
  for (const gone of shown.values()) gone.remove();
  find("empty").hidden = texts.length > 0;
  if (isAtEnd) screen.scrollTop = screen.scrollHeight;
}

// --- The wire ---------------------------------------------------------------

/** How the last attempt of a webhook ended, in a few words. */
function outcomeOf(webhook) {
  const outcome = webhook.attempts.at(-1)?.outcome;
  if (outcome === undefined) return "under way";
  if (outcome === "timed_out") return "time is up";
  if (outcome === "too_long") return "too long an answer";
  if (outcome.not_connected) return "no connection";
  if (outcome.broken) return "the connection broke";
  return String(outcome.answered.status);
}

function attemptText(attempt, number) {
  const answered = attempt.outcome.answered;
  const reason = attempt.outcome.broken?.reason ?? attempt.outcome.not_connected?.reason;
  return [
    `${number}. ${outcomeOf({ attempts: [attempt] })}, ${attempt.duration_milliseconds} ms`,
    `X-Twilio-Signature: ${attempt.signature}`,
    answered && `${answered.content_type ?? "no content type"}: ${answered.body}`,
    reason,
  ].filter(Boolean).join("\n");
}

const fieldsText = (fields) => fields.map(([name, value]) => `${name}: ${value}`).join("\n");

/** A call of Twilio to the product. */
function webhookEntry(webhook) {
  const { attempts, troubles } = webhook;
  const tries = attempts.length > 1 ? `, ${attempts.length} attempts` : "";
  const took = attempts.length ? ` · ${attempts.at(-1).duration_milliseconds} ms` : "";
  return {
    id: webhook.id,
    at: webhook.due,
    title: webhook.event === "inbound"
      ? "Twilio told of a text"
      : `Twilio told of a status: ${webhook.event.status}`,
    outcome: outcomeOf(webhook) + tries + took,
    isBad: webhook.state === "failed" || troubles.length > 0,
    sections: [
      ["Sent to", webhook.url],
      ["Form", fieldsText([...new URLSearchParams(webhook.form)])],
      ["Attempts", attempts.map((one, index) => attemptText(one, index + 1)).join("\n\n")],
      ["Twilio’s error log",
        troubles.map(({ code, message }) => [code, message].filter(Boolean).join(": ")).join("\n")],
    ],
    messageSid: webhook.message_sid,
  };
}

const ANSWER = { pending: "under way", hung_up: "the connection broke", withheld: "no answer" };

/** A call of the product to Twilio. */
function requestEntry(request) {
  const { status, code } = request.answer.answered ?? {};
  return {
    id: request.id,
    at: request.at,
    title: request.method === "POST" ? "The product asked Twilio to send" : "The product asked Twilio",
    outcome: ANSWER[request.answer] ?? [status, code && `error ${code}`].filter(Boolean).join(" · "),
    isBad: request.answer !== "pending" && !(status < 400),
    sections: [
      ["Request", `${request.method} ${request.path}`],
      ["Form", fieldsText(request.fields)],
    ],
  };
}

/** A call of the product to Groq. */
function completionEntry(request) {
  const { status, content } = request.answer.answered ?? {};
  return {
    id: request.id,
    at: request.at,
    title: `The product asked Groq: ${request.body.model ?? "?"}`,
    outcome: ANSWER[request.answer] ?? String(status),
    isBad: request.answer !== "pending" && !(status < 400),
    sections: [
      ["Messages", (request.body.messages ?? [])
        .map((message) => `[${message.role}]\n${message.content}`).join("\n\n")],
      ["Answer", content ?? ""],
    ],
  };
}

/** Whether a request to Twilio is about these two numbers. */
function isBetween(request, { phone, shop }) {
  const query = new URLSearchParams(request.path.split("?")[1]);
  const value = (name) => new Map(request.fields).get(name) ?? query.get(name);
  return value("To") === phone && value("From") === shop;
}

function againButton(label, times, messageSid) {
  const button = make("button", { type: "button" }, label);
  const path = `/twilio/webhooks/${messageSid}/redeliver`;
  button.addEventListener("click", () =>
    attempt(() => control("POST", path, { times, at_once: true })));
  return button;
}

function updateWireItem(item, entry) {
  const state = JSON.stringify(entry);
  if (item.dataset.state === state) return;
  item.dataset.state = state;
  const details = item.querySelector("details");
  details.className = entry.isBad ? "bad" : "";
  details.querySelector(".outcome").textContent = entry.outcome;
  const sections = entry.sections.filter(([, text]) => text !== "").map(([heading, text]) =>
    make("div", {}, make("h3", {}, heading), make("pre", { tabindex: "0" }, text)));
  const again = entry.messageSid === undefined ? [] : [make("div", { class: "row" },
    againButton("Deliver again", 1, entry.messageSid),
    againButton("5 times at once", 5, entry.messageSid))];
  details.querySelector(".body").replaceChildren(...sections, ...again);
}

function wireItem(entry) {
  return make("li", { "data-id": entry.id },
    make("details", {},
      make("summary", {},
        make("time", { datetime: entry.at }, time.format(new Date(entry.at))),
        make("span", {}, entry.title),
        make("span", { class: "outcome" })),
      make("div", { class: "body" })));
}

/** Shows what was said over the wire; what is open stays open. */
async function showWire(conversation) {
  const [requests, completions] = await Promise.all([
    control("GET", "/twilio/requests?newest=100"),
    control("GET", "/groq/requests?newest=30"),
  ]);
  const entries = [
    ...conversation.texts.flatMap((text) => text.webhooks).map(webhookEntry),
    ...requests.filter((request) => isBetween(request, conversation)).map(requestEntry),
    ...completions.map(completionEntry),
  ].sort((a, b) => b.at.localeCompare(a.at));
  const list = find("wire");
  const shown = new Map([...list.children].map((item) => [item.dataset.id, item]));
  const items = entries.map((entry) => {
    const item = shown.get(entry.id) ?? wireItem(entry);
    updateWireItem(item, entry);
    return item;
  });
  if (items.length !== list.children.length || items.some((item, i) => list.children[i] !== item)) {
    list.replaceChildren(...items);
  }
  find("wire-empty").hidden = items.length > 0;
}

// --- Orders -----------------------------------------------------------------

const EVERY_STATUS = ["sending", "sent", "delivered", "undelivered", "failed"];

function twilioOrder(form) {
  const value = (name) => form.elements[name].value;
  const order = value("order");
  return {
    ...JSON.parse(value("answer")),
    requests: value("requests") === "" ? null : Number(value("requests")),
    callbacks: {
      order: order === "never" ? "in_order" : order,
      withheld: order === "never" ? EVERY_STATUS : [],
      copies: form.elements.twice.checked ? 2 : null,
      before_response: form.elements.before_response.checked,
      end: JSON.parse(value("end")),
    },
  };
}

function groqOrder(form) {
  const value = (name) => form.elements[name].value;
  const answer = value("answer") === "reply"
    ? { answer: { reply: { text: value("text") } } }
    : JSON.parse(value("answer"));
  return {
    ...answer,
    requests: value("requests") === "" ? null : Number(value("requests")),
    model: value("model") || null,
  };
}

function orders(name, read) {
  const form = find(name);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(() => control("PUT", `/${name}/behaviour`, [read(form)]));
  });
  form.addEventListener("reset", () => {
    attempt(() => control("DELETE", `/${name}/behaviour`));
  });
}

async function showOrders(name) {
  const ordered = await control("GET", `/${name}/behaviour`);
  const words = ordered.map(({ requests }) =>
    requests === null ? "Ordered, until you take it back." : `Ordered, ${requests} to go.`);
  const line = find(name).querySelector("[role=status]");
  const text = words.join(" ");
  if (line.textContent !== text) line.textContent = text;
}

// --- Time and the scheduler -------------------------------------------------

/** How far the stack's time is ahead of this browser's, in milliseconds. */
let timeAhead = null;

function tick() {
  if (timeAhead === null) return;
  const now = new Date(Date.now() + timeAhead);
  find("now").textContent = date.format(now);
  find("now").dateTime = now.toISOString();
}

function showClock(clock) {
  timeAhead = Date.parse(clock.now) - Date.now();
  tick();
  const days = clock.offset_seconds / 86400;
  find("offset").textContent = clock.offset_seconds === 0
    ? "· the present"
    : `· ${days < 1 ? `${clock.offset_seconds / 3600} h` : `${days.toFixed(1)} days`} ahead`;
  find("present").disabled = clock.offset_seconds === 0;
}

async function moveClock(method, body) {
  find("time-result").textContent = "Moving the clock …";
  try {
    showClock(await control(method, "/clock", body));
  } finally {
    find("time-result").textContent = "";
  }
}

async function runCron(path) {
  const result = find("time-result");
  result.textContent = `Running ${path} …`;
  try {
    const { status } = await control("POST", "/scheduler", { path });
    result.textContent = `${path} answered ${status}.`;
  } catch (error) {
    result.textContent = "";
    throw error;
  }
}

async function showStack() {
  const stack = await control("GET", "/stack");
  const link = find("product");
  if (stack.product !== null) {
    link.href = stack.product;
    link.hidden = false;
  }
  find("crons").replaceChildren(...stack.crons.map((path) => {
    const label = stack.crons.length === 1 ? "Run the scheduler now" : `Run ${path} now`;
    const button = make("button", { type: "button" }, label);
    button.addEventListener("click", () => attempt(() => runCron(path)));
    return button;
  }));
  find("groq").elements.model.append(
    ...stack.models.map((model) => make("option", { value: model }, model)));
  for (const button of document.querySelectorAll("[data-advance], #present")) {
    button.disabled = stack.product === null;
  }
  if (stack.product !== null) showClock(await control("GET", "/clock"));
}

// --- Staying up to date -----------------------------------------------------

let following = new AbortController();

/** Shows a conversation, then every change of it, until another is chosen. */
async function follow(phone, shop) {
  following.abort();
  following = new AbortController();
  const { signal } = following;
  let after = null;
  let isLost = false;
  while (!signal.aborted) {
    const query = new URLSearchParams({ phone, shop, until: "changed", timeout: "25" });
    if (after !== null) query.set("after", after);
    try {
      const response = await fetch(`/control/conversation?${query}`, { signal });
      const conversation = await response.json();
      if (signal.aborted) return;
      if (!conversation.is_until_met) continue;
      if (isLost) complain();
      isLost = false;
      after = conversation.version;
      find("opted-out").hidden = !conversation.is_opted_out;
      showTexts(conversation.texts);
      await Promise.all([
        showWire(conversation), showOrders("twilio"), showOrders("groq"), showNumbers(),
      ]);
    } catch {
      if (signal.aborted) return;
      complain("The simulators do not answer. Is cargo dev still running?");
      isLost = true;
      after = null;
      await new Promise((resume) => setTimeout(resume, 1000));
    }
  }
}

/** Takes up the numbers in the form, if they are numbers. */
function choose() {
  const [phone, shop] = [find("phone").value.trim(), find("shop").value.trim()];
  if (!find("numbers").reportValidity()) return;
  numbers.write(phone, shop);
  find("texts").replaceChildren();
  follow(phone, shop);
}

/** A file as a text brings it. */
function medium(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onerror = () => reject(reader.error);
    reader.onload = () => resolve({
      content_type: file.type || "application/octet-stream",
      content: reader.result.slice(reader.result.indexOf(",") + 1),
    });
    reader.readAsDataURL(file);
  });
}

/** With a picture, a text need not say anything. */
function requireBody() {
  find("body").required = find("picture").files.length === 0;
}

async function send() {
  const [field, picture] = [find("body"), find("picture")];
  const text = {
    from: find("phone").value.trim(),
    to: find("shop").value.trim(),
    body: field.value,
    media: await Promise.all([...picture.files].map(medium)),
  };
  await control("POST", "/texts", text);
  field.value = "";
  picture.value = "";
  requireBody();
  find("screen").scrollTop = find("screen").scrollHeight;
}

// --- The beginning ----------------------------------------------------------

find("numbers").addEventListener("submit", (event) => event.preventDefault());
find("phone").addEventListener("change", choose);
find("shop").addEventListener("change", choose);
find("new-phone").addEventListener("click", () => {
  find("phone").value = unusedPhone();
  choose();
  find("body").focus();
});

find("compose").addEventListener("submit", (event) => {
  event.preventDefault();
  if (find("numbers").reportValidity()) attempt(send);
});
find("body").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    find("compose").requestSubmit();
  }
});
find("picture").addEventListener("change", requireBody);
find("suggestions").addEventListener("click", (event) => {
  if (!event.target.matches("button")) return;
  find("body").value = event.target.textContent;
  find("body").focus();
});

orders("twilio", twilioOrder);
orders("groq", groqOrder);
find("groq").elements.answer.addEventListener("change", (event) => {
  find("reply").hidden = event.target.value !== "reply";
});
find("groq").addEventListener("reset", () => { find("reply").hidden = true; });

document.querySelectorAll("[data-advance]").forEach((button) => {
  const advance_seconds = Number(button.dataset.advance);
  button.addEventListener("click", () => attempt(() => moveClock("POST", { advance_seconds })));
});
setInterval(tick, 5000);
find("present").addEventListener("click", () => attempt(() => moveClock("DELETE")));
find("reset").addEventListener("click", () => attempt(() => control("POST", "/reset")));

attempt(async () => {
  const kept = numbers.read();
  const [shops] = await Promise.all([showNumbers(), showStack()]);
  find("phone").value = kept.phone;
  find("shop").value = kept.shop || (shops[0]?.number ?? "");
  choose();
});
