// Comfort on top of pages that work without it: keys, copying, local time.
"use strict";
(() => {
  const $ = (s, root = document) => root.querySelector(s);
  const all = (s, root = document) => [...root.querySelectorAll(s)];
  const words = $("#words")?.dataset ?? {};
  const typing = (e) => e.target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");

  // Local time on every time element; UTC stays the text.
  const local = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "long" });
  for (const t of all("time[datetime]")) {
    const at = new Date(t.dateTime);
    if (!Number.isNaN(at.getTime())) t.title += "\n" + (words.local ?? "") + " " + local.format(at);
  }

  // Copy buttons.
  for (const b of all("button.copy")) {
    if (!navigator.clipboard) break;
    b.hidden = false;
    b.addEventListener("click", async () => {
      const was = b.textContent;
      try {
        await navigator.clipboard.writeText(b.dataset.copy);
        b.textContent = words.copied ?? was;
      } catch {
        return;
      }
      setTimeout(() => { b.textContent = was; }, 1500);
    });
  }

  // A drawing wider than its place shows its middle first.
  for (const g of all("[data-centre]")) {
    const rest = g.scrollWidth - g.clientWidth;
    if (rest > 0) g.scrollLeft = getComputedStyle(g).direction === "rtl" ? -rest / 2 : rest / 2;
  }

  // A menu closes when one clicks elsewhere or presses Escape.
  document.addEventListener("click", (e) => {
    for (const m of all("details.menu[open]")) if (!m.contains(e.target)) m.open = false;
  });

  // A form is sent once; what takes long says so to assistive technology.
  for (const f of all("form[method=post]")) {
    f.addEventListener("submit", () => {
      f.setAttribute("aria-busy", "true");
      setTimeout(() => { for (const b of all("button", f)) b.disabled = true; }, 0);
    });
  }
  window.addEventListener("pageshow", () => {
    for (const f of all("form[aria-busy]")) {
      f.removeAttribute("aria-busy");
      for (const b of all("button", f)) b.disabled = false;
    }
  });

  // Groups of five while a pair code is typed.
  const code = $("#code");
  code?.addEventListener("input", () => {
    if (code.selectionStart !== code.value.length) return;
    code.value = code.value.replace(/\D/g, "").slice(0, 60).replace(/(\d{5})(?=\d)/g, "$1 ");
  });

  // Rows: j and k move, Enter opens, x selects.
  const rows = () => all("[data-row]");
  let at = -1;
  const move = (by) => {
    const list = rows();
    if (!list.length) return;
    list[at]?.classList.remove("at");
    at = Math.min(Math.max(at + by, 0), list.length - 1);
    list[at].classList.add("at");
    list[at].scrollIntoView({ block: "nearest" });
    $("a[href]", list[at])?.focus({ preventScroll: true });
  };

  const go = Object.fromEntries(all("nav.side a[data-go]").map((a) => [a.dataset.go, a.href]));
  const keys = $("#keys");
  let afterG = 0;
  document.addEventListener("keydown", (e) => {
    if (e.key === "Escape") {
      for (const m of all("details.menu[open]")) m.open = false;
      if (typing(e)) e.target.blur();
      return;
    }
    if (e.ctrlKey || e.metaKey || e.altKey || typing(e) || keys?.open) return;
    const second = Date.now() - afterG < 1500;
    afterG = 0;
    if (second && go[e.key]) {
      e.preventDefault();
      location.href = go[e.key];
      return;
    }
    const box = () => $("[data-row].at input[type=checkbox]");
    switch (e.key) {
      case "/": e.preventDefault(); $("#q")?.focus(); $("#q")?.select(); break;
      case "?": e.preventDefault(); keys?.showModal(); break;
      case "g": afterG = Date.now(); break;
      case "j": move(1); break;
      case "k": move(-1); break;
      case "x": if (box()) box().checked = !box().checked; break;
      case "s": { const a = $("[data-key=s]"); if (a) location.href = a.href; break; }
    }
  });
})();
