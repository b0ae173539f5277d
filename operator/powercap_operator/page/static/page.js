// Fetches the page anew and puts its parts in place, so that scrolling and typing are not disturbed. Where it cannot be
// had, it says since when: a page that stands still must not look like one that is well.
"use strict";

const PARTS = ["when", "headline", "figures", "overrides", "policies", "waiting", "markets", "nodes", "footer"];
const EVERY_MS = 15000;
const PATIENCE_MS = 10000;

let lastGood = new Date();
let asking = false;

function put(fresh) {
  for (const id of PARTS) {
    const before = document.getElementById(id);
    const after = fresh.getElementById(id);
    if (before && after && before.outerHTML !== after.outerHTML) {
      before.replaceWith(document.adoptNode(after));
    }
  }
  document.title = fresh.title;
}

async function refresh() {
  if (asking) {
    return;
  }
  asking = true;
  const stale = document.getElementById("stale");
  try {
    const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!answer.ok) {
      throw new Error(`the operator answers ${answer.status}`);
    }
    put(new DOMParser().parseFromString(await answer.text(), "text/html"));
    lastGood = new Date();
    stale.hidden = true;
  } catch (error) {
    const since = lastGood.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
    stale.textContent = `No answer from the operator since ${since}: what is below is old.`;
    stale.hidden = false;
  } finally {
    asking = false;
  }
}

setInterval(refresh, EVERY_MS);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) {
    refresh();
  }
});
