// The board with scripts: cards are dragged or moved with keys, forms are sent without leaving the page, and what others
// change comes by itself. Everything goes through the forms of the page, which work without this.
(() => {
  const EVERY = 4000;
  const board = document.getElementById("board");
  const lists = () => [...board.querySelectorAll(".board-cards")];
  const columns = () => [...board.querySelectorAll(".board-column")];
  if (!board || !columns().length) return;
  const live = document.getElementById("board-live");
  const filter = document.getElementById("board-filter");
  let busy = false;
  let dragging = false;
  let under = null;
  let picked = null;

  const filled = (text, values) => text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
  const say = (name, values) => {
    live.textContent = filled(board.dataset[name], values);
  };

  // A template's text has its values in braces: the page leaves those of the scripts as they are.
  const have = (without = []) =>
    columns()
      .map((one) => `${one.dataset.key}:${without.includes(one) ? "" : one.dataset.digest}`)
      .join(",");

  const narrow = () => {
    const sought = new FormData(filter);
    const name = sought.get("name").trim().toLowerCase();
    for (const card of board.querySelectorAll(".board-waiting .board-card")) {
      const data = card.dataset;
      card.hidden = !(
        data.name.toLowerCase().includes(name) &&
        ["persons", "need", "of"].every((one) => !sought.get(one) || sought.get(one) === data[one])
      );
    }
  };

  const rooms = () => {
    for (const column of columns()) {
      if (!column.dataset.option) continue;
      for (const option of board.querySelectorAll(`option[value="${column.dataset.key}"]`)) {
        option.textContent = column.dataset.option;
      }
    }
  };

  const makeSortable = (list) =>
    new Sortable(list, {
      group: "board",
      sort: false,
      animation: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 120,
      draggable: ".board-card",
      filter: "details, summary, input, select, button:not(.board-grip), a",
      preventOnFilter: false,
      delay: 180,
      delayOnTouchOnly: true,
      touchStartThreshold: 6,
      forceFallback: true,
      fallbackOnBody: true,
      fallbackTolerance: 4,
      ghostClass: "is-dragged",
      scroll: true,
      bubbleScroll: true,
      onStart: (event) => {
        dragging = true;
        letGo();
        showFit(event.item);
      },
      onEnd: (event) => {
        dragging = false;
        clearFit();
        const { item, from, to, oldIndex } = event;
        // A card is put down in the column under the hand, on its heading too.
        const column = under ?? to.closest(".board-column");
        under = null;
        if (column.contains(from)) from.insertBefore(item, from.querySelectorAll(".board-card")[oldIndex] ?? null);
        else place(item, column.querySelector(".board-cards").dataset.stay, [from, to, column].map(columnOf));
      },
    });

  const columnOf = (one) => one.closest(".board-column");
  document.addEventListener("pointermove", ({ clientX, clientY }) => {
    if (!dragging) return;
    under = document.elementsFromPoint(clientX, clientY).map(columnOf).find(Boolean) ?? null;
    over(under);
  });
  const fits = (column, card) =>
    !column.dataset.option ||
    column.contains(card) ||
    (Number(column.dataset.places) > 0 && Number(column.dataset.beds) >= Number(card.dataset.beds));
  const showFit = (card) => columns().forEach((one) => one.classList.toggle("is-full", !fits(one, card)));
  const over = (column) => columns().forEach((one) => one.classList.toggle("is-over", one === column));
  const clearFit = () => columns().forEach((one) => one.classList.remove("is-over", "is-full"));

  // What was not answered is said, and the columns that a hand has changed are asked for anew.
  const unanswered = (touched) => {
    const alert = document.createElement("div");
    alert.className = "ds-alert";
    alert.dataset.color = "danger";
    alert.setAttribute("role", "alert");
    alert.textContent = board.dataset.sayOffline;
    document.getElementById("board-top").prepend(alert);
    for (const one of touched) one.dataset.digest = "";
    board.dataset.stamp = "";
  };

  const send = async (url, options, touched = []) => {
    busy = true;
    board.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(url, { headers: { Accept: "text/html", "HX-Request": "true" }, ...options });
      if (answer.status === 204) return null;
      // A stay has come or gone, or the session is over: the page as a whole says what is to be done.
      if (answer.status === 205 || answer.redirected || !answer.ok) {
        location.reload();
        return null;
      }
      return takeIn(await answer.text());
    } catch {
      if (options.method) unanswered(touched);
      return null;
    } finally {
      busy = false;
      board.removeAttribute("aria-busy");
    }
  };

  // Takes the parts that have changed. What is open, written or focused in them stays so.
  const takeIn = (html) => {
    const parts = new DOMParser().parseFromString(html, "text/html").getElementById("board-parts");
    if (!parts) {
      location.reload();
      return null;
    }
    const focus = document.activeElement?.id;
    const open = [...board.querySelectorAll(".board-move[open], .board-notices[open]")].map((one) => one.id);
    const closed = document.getElementById("board-notices")?.open === false;
    const chosen = [...board.querySelectorAll(".board-move[open] :is(select, input:not([type=hidden]))")].map((one) => [
      one.id,
      one.value,
      one.defaultValue,
    ]);
    const scrolled = lists().map((one) => [one.closest(".board-column").id, one.scrollTop]);
    for (const part of [...parts.children]) {
      document.getElementById(part.id)?.replaceWith(part);
      const list = part.querySelector(".board-cards");
      if (list) makeSortable(list);
    }
    board.dataset.stamp = parts.dataset.stamp;
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (closed) document.getElementById("board-notices")?.removeAttribute("open");
    for (const [id, value, before] of chosen) {
      const field = document.getElementById(id);
      if (!field) continue;
      if (field.tagName === "SELECT" ? [...field.options].some((one) => one.value === value) : value !== before) {
        field.value = value;
      }
    }
    for (const [id, top] of scrolled) {
      const list = document.getElementById(id)?.querySelector(".board-cards");
      if (list) list.scrollTop = top;
    }
    rooms();
    narrow();
    if (focus && document.activeElement?.id !== focus) document.getElementById(focus)?.focus({ preventScroll: true });
    return "refused" in parts.dataset ? "refused" : "done";
  };

  const post = async (url, fields, touched = []) => {
    // What others changed may be on its way in.
    while (busy) await new Promise((done) => setTimeout(done, 20));
    fields.set("have", have(touched));
    return send(url, { method: "POST", body: new URLSearchParams(fields) }, touched);
  };

  const place = async (card, stay, touched) => {
    const fields = new FormData();
    const form = card.querySelector("form");
    for (const name of ["_csrf_token", "card", "municipality", "family", "revision"]) {
      fields.set(name, form.elements[name].value);
    }
    fields.set("do", stay ? "move" : "wait");
    fields.set("stay", stay);
    const { id } = card;
    const { name } = card.dataset;
    const became = await post(board.dataset.changes, fields, touched);
    const now = document.getElementById(id);
    if (!now) return;
    now.hidden = false;
    document.getElementById(`${id}-grip`)?.focus({ preventScroll: true });
    now.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (became === "done") say("sayMoved", { family: name, where: now.closest(".board-column").dataset.name });
  };

  // Keys: on a handle space picks up and puts down, left and right choose where, escape gives up. With nothing in the
  // hand the arrows go from card to card.
  const letGo = () => {
    if (!picked) return;
    picked.card.classList.remove("is-picked");
    picked.card.querySelector(".board-grip")?.setAttribute("aria-pressed", "false");
    picked = null;
    clearFit();
  };

  const pick = (card) => {
    const at = columns().findIndex((one) => one.contains(card));
    picked = { card, from: at, at };
    card.classList.add("is-picked");
    card.querySelector(".board-grip").setAttribute("aria-pressed", "true");
    showFit(card);
    say("sayPicked", { family: card.dataset.name });
  };

  const choose = (step) => {
    const all = columns();
    picked.at = Math.min(all.length - 1, Math.max(0, picked.at + step));
    const column = all[picked.at];
    over(column);
    column.scrollIntoView({ block: "nearest", inline: "nearest" });
    const values = { where: column.dataset.name, room: column.dataset.room ?? "" };
    say(fits(column, picked.card) ? "sayOver" : "sayNoRoom", values);
  };

  const drop = () => {
    const { card, from, at } = picked;
    const all = columns();
    letGo();
    if (from === at) say("sayLeft", { family: card.dataset.name });
    else place(card, all[at].querySelector(".board-cards").dataset.stay, [all[from], all[at]]);
  };

  const goTo = (card, key) => {
    const shown = (list) => [...list.querySelectorAll(".board-card:not([hidden])")];
    const list = card.closest(".board-cards");
    const at = shown(list).indexOf(card);
    let next = shown(list)[at + (key === "ArrowDown" ? 1 : -1)];
    if (key === "ArrowLeft" || key === "ArrowRight") {
      const others = key === "ArrowRight" ? lists().slice(lists().indexOf(list) + 1) : lists().slice(0, lists().indexOf(list)).reverse();
      const there = others.map(shown).find((one) => one.length) ?? [];
      next = there[Math.min(at, there.length - 1)];
    }
    next?.querySelector(".board-grip").focus();
  };

  board.addEventListener("keydown", (event) => {
    const grip = event.target.closest(".board-grip");
    if (!grip || event.altKey || event.ctrlKey || event.metaKey) return;
    const card = grip.closest(".board-card");
    const { key } = event;
    if (key === " " || key === "Enter") picked ? drop() : pick(card);
    else if (picked && key === "Escape") {
      letGo();
      say("sayLeft", { family: card.dataset.name });
    } else if (picked && (key === "ArrowLeft" || key === "ArrowRight")) choose(key === "ArrowRight" ? 1 : -1);
    else if (!picked && key.startsWith("Arrow")) goTo(card, key);
    else return;
    event.preventDefault();
  });
  // Keys have done it already: a button also answers space when it is let go.
  board.addEventListener("keyup", (event) => {
    if (event.key === " " && event.target.closest(".board-grip")) event.preventDefault();
  });
  board.addEventListener("focusout", (event) => {
    if (picked && event.target === picked.card.querySelector(".board-grip")) letGo();
  });

  board.addEventListener("submit", (event) => {
    const form = event.target;
    if (form === filter) {
      event.preventDefault();
      return;
    }
    if (!("boardForm" in form.dataset)) return;
    event.preventDefault();
    const fields = new FormData(form, event.submitter);
    post(form.action, fields, []).then((became) => {
      const card = fields.get("card");
      const now = card && document.getElementById(card);
      if (became !== "done" || !now) return;
      document.getElementById(`${card}-move`)?.removeAttribute("open");
      document.getElementById(`${card}-grip`)?.focus({ preventScroll: true });
      now.scrollIntoView({ block: "nearest", inline: "nearest" });
      say("sayMoved", { family: now.dataset.name, where: now.closest(".board-column").dataset.name });
    });
  });

  filter.addEventListener("input", narrow);
  board.classList.add("board-live");
  lists().forEach(makeSortable);
  narrow();
  setInterval(() => {
    if (busy || dragging || picked || document.hidden) return;
    const asked = new URLSearchParams({ since: board.dataset.stamp, have: have() });
    send(`${board.dataset.changes}?${asked}`, {});
  }, EVERY);
})();
