"use strict";
// The live pages' own script: follows the library, takes dropped pictures, hears keys. What the server sends as a page
// is put in place of what is shown; nothing is ever read as markup but whole pages of this one server.
(() => {
  const $ = (id) => document.getElementById(id);
  const notice = $("notice"), drop = $("drop"), words = $("words");
  const say = (text, action) => {
    notice.replaceChildren(text);
    if (action) {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: action.title });
      button.onclick = action.does;
      notice.append(button);
    }
    notice.hidden = !text;
  };

  // A part is put in place of another: what is open in it and what has the focus stays so.
  const sameAs = (one) => one.getAttribute("aria-label") || one.getAttribute("href") || one.textContent;
  const replace = (now, then) => {
    const held = now.contains(document.activeElement) ? document.activeElement : null;
    const open = [...now.querySelectorAll("details[open] > summary")].map(sameAs);
    for (const one of then.querySelectorAll("details > summary")) if (open.includes(sameAs(one))) one.parentElement.open = true;
    now.replaceWith(document.adoptNode(then));
    if (held) [...then.querySelectorAll("a[href], button, summary")].find((one) => sameAs(one) === sameAs(held))?.focus({ preventScroll: true });
  };
  // A button that were replaced between its being pressed and let go would not have been clicked.
  let pressing = false;
  addEventListener("pointerdown", () => { pressing = true; }, true);
  for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => setTimeout(() => { pressing = false; }), true);
  const letGo = async () => { while (pressing) await new Promise((done) => setTimeout(done, 50)); };
  // Parts of this page as they are now. A form that somebody is typing into is left alone.
  const renewOnce = async (ids) => {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    await letGo();
    for (const id of ids) {
      const now = $(id), then = fresh.getElementById(id);
      if (now && then && !now.contains(document.activeElement?.closest("input, select"))) replace(now, then);
    }
    const sum = document.querySelector(".sum"), freshSum = fresh.querySelector(".sum");
    if (sum && freshSum) sum.replaceWith(document.adoptNode(freshSum));
  };
  // One after the other, so that what was asked for last is what stays.
  let renewal = Promise.resolve();
  const renew = (...ids) => (renewal = renewal.catch(() => {}).then(() => renewOnce(ids)));

  // The light: green says that all is well, whatever goes on; amber that something is worth a look; red that it waits
  // for the owner. The words beside it say the same.
  const light = $("light");
  const LIGHTS = { ok: "All is well", look: "Worth a look", fault: "Needs you" };
  const shine = (state, lines) => {
    light.dataset.light = state;
    light.hidden = false;
    light.querySelector("summary").textContent = LIGHTS[state];
    light.querySelector("ul").replaceChildren(...lines.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  };

  // What the library says. One connection a page, and only while somebody looks: a browser has six for all its pages.
  let stream = null, first = null, stamp = null, renewing = false, again = false;
  const isFront = location.pathname === "/", isRuns = location.pathname === "/runs";
  const follow = async () => {
    if (renewing) { again = true; return; }
    renewing = true;
    do {
      again = false;
      try { await renew(isFront ? "main" : "fit"); } catch { /* the server has gone: the stream says so */ }
      await new Promise((done) => setTimeout(done, 1500));
    } while (again);
    renewing = false;
  };
  const onStatus = (event) => {
    const status = JSON.parse(event.data);
    first ??= status;
    const changed = stamp !== null && stamp !== status.stamp;
    stamp = status.stamp;
    document.body.dataset.photos = status.photos;
    const lines = [...status.faults, ...status.remarks].map((line) => `${line}.`);
    shine(status.light, lines.length ? lines : [status.doing ? `vecclust watch: ${status.doing}.` : "Nothing waits for you."]);
    if (changed && isFront) follow();
    const grown = status.photos - first.photos, parts = [];
    // That it watches is no news: the light says so.
    if (status.writer && status.doing !== "watching") parts.push(status.doing || `At work: ${status.writer}`);
    if (grown > 0) parts.push(`${grown.toLocaleString("en")} new photo${grown === 1 ? "" : "s"}`);
    if (status.pending) parts.push(`${status.pending} still being written`);
    if (status.run !== first.run) parts.push(`${status.run} is the current run`);
    const stale = !isFront && status.stamp !== first.stamp;
    say(parts.join(" · "), stale && parts.length ? { title: "Show it", does: () => location.reload() } : null);
  };
  const onFit = (event) => {
    const fit = JSON.parse(event.data), panel = $("fit");
    if (!isRuns || !panel) return;
    if (panel.dataset.state !== fit.state) {
      if (fit.state === "adopted") location.reload(); else renew("fit").catch(() => {});
      return;
    }
    const progress = $("fit-progress"), stage = $("fit-stage");
    if (!progress) return;
    if (fit.total) { progress.max = fit.total; progress.value = fit.done; } else progress.removeAttribute("value");
    stage.textContent = fit.stage || "starting";
  };
  const listen = () => {
    if (document.hidden) { stream?.close(); stream = null; return; }
    if (stream) return;
    stream = new EventSource("/events");
    stream.addEventListener("status", onStatus);
    stream.addEventListener("fit", onFit);
    stream.addEventListener("end", () => { stream.close(); light.hidden = true; say("vecclust ui has ended."); });
    stream.onopen = () => { document.body.dataset.live = "yes"; };
  };
  document.addEventListener("visibilitychange", listen);
  addEventListener("pagehide", () => { stream?.close(); stream = null; });
  addEventListener("pageshow", listen);

  // A dropped picture.
  const holdsFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  let inside = 0;
  addEventListener("dragenter", (event) => { if (holdsFiles(event)) { inside++; drop.hidden = false; event.preventDefault(); } });
  addEventListener("dragover", (event) => { if (holdsFiles(event)) event.preventDefault(); });
  addEventListener("dragleave", (event) => { if (holdsFiles(event) && --inside <= 0) { inside = 0; drop.hidden = true; } });
  addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    inside = 0;
    drop.hidden = true;
    if (event.dataTransfer.files.length) ask(event.dataTransfer.files[0]);
  });
  addEventListener("paste", (event) => {
    const pasted = event.clipboardData?.files?.[0];
    if (pasted) { event.preventDefault(); ask(pasted); }
  });
  const ask = async (file) => {
    say("Looking for photos like it …");
    try {
      const answer = await fetch("/dropped", { method: "POST", body: file, headers: { "Content-Type": "application/octet-stream", Accept: "application/json" } });
      const said = await answer.json();
      if (answer.ok) location.assign(said.page); else say([said.error.message + ".", said.error.hint].filter(Boolean).join(" "));
    } catch { say("vecclust ui does not answer."); }
  };

  // The same for who cannot drop: by keys, by touch.
  const pick = $("pick"), file = $("file");
  pick.hidden = false;
  pick.onclick = () => file.click();
  file.onchange = () => { if (file.files.length) ask(file.files[0]); file.value = ""; };

  // Keys: / searches, Escape closes, N and P go on.
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.closest?.("input, textarea, select");
    if (event.key === "Escape") {
      const open = event.target.closest?.("details[open]");
      if (open) { open.open = false; open.querySelector("summary").focus(); } else if (typing) typing.blur();
    } else if (!typing && event.key === "/") {
      event.preventDefault();
      words.focus();
      words.select();
    } else if (!typing && (event.key === "n" || event.key === "p")) {
      document.querySelector(event.key === "n" ? "[rel=next], .steps a:last-child" : "[rel=prev], .steps a:first-child")?.click();
    }
  });
  addEventListener("toggle", (event) => {
    if (event.target.matches?.(".rename[open]")) event.target.querySelector("input")?.select();
  }, true);
  // What takes long is asked once; a button that is disabled at once would not say that it was the one.
  addEventListener("submit", (event) => setTimeout(() => { for (const button of event.target.querySelectorAll("button")) button.disabled = true; }));
  addEventListener("pageshow", () => { for (const button of document.querySelectorAll("button:disabled")) button.disabled = false; });
  listen();
})();
