// Shows what the debug pages beside it say, again and again while somebody looks.

import { byId, fill, keepingFocus } from "./elements.js"
import { announce, announceChanges, glance, tileOf } from "./glance.js"
import { lineOfRates, remember } from "./requestRates.js"
import { opened, sections } from "./sections.js"
import { frame, show } from "./tables.js"
import { clock, duration } from "./words.js"

/** Milliseconds between two looks, and at most while the executor does not answer. */
const every = 3000
const atMostEvery = 30_000

// --- Looking ---

const search = byId("search")
const pause = byId("pause")
const freshness = byId("freshness")

let answeredAt
let isLost = false
let failures = 0
let timer
let current = new AbortController()

const searched = () => search.value.trim()

const isPaused = () => pause.getAttribute("aria-pressed") === "true"

/** What one debug page says; its refusal as a problem of the section alone. Rejects when no answer comes. */
const ask = async ({ id, isWhole, offset, size }, signal) => {
  const url = new URL(`debug/${id}`, document.baseURI)
  url.search = isWhole ? "" : String(new URLSearchParams({ search: searched(), offset, limit: size }))
  const answer = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)]) })
  return answer.ok ? { data: await answer.json() } : { problem: (await answer.text()).slice(0, 300) }
}

const showAge = () => {
  if (answeredAt === undefined) {
    freshness.textContent = isLost ? "The executor does not answer" : "Asking the executor…"
  } else {
    const age = duration((performance.now() - answeredAt.monotonic) / 1000)
    const live = isPaused() ? `Paused · ${age} old` : `Live · ${age} old`
    freshness.textContent = isLost ? `No answer · shown as of ${clock(answeredAt.wall)}, ${age} ago` : live
  }
  freshness.classList.toggle("lost", isLost)
}

const showAll = (answers) => {
  const data = {}
  sections.forEach((section, index) => {
    const { data: answered, problem } = answers[index]
    section.problem.hidden = problem === undefined
    section.problem.textContent = problem ?? ""
    if (answered === undefined) return
    data[section.id] = answered
    if (section.id === "requests") remember(answered)
    show(section, answered, searched())
  })
  if (sections.some(({ id }) => data[id] === undefined)) return
  const { leader, role } = data.namespaces.replica
  byId("replica").textContent = role === "Leader" || leader === undefined ? role : `${role}, led by ${leader}`
  const requests = sections.find(({ id }) => id === "requests")
  fill(requests.above, lineOfRates())
  fill(byId("tiles"), glance(data).map(tileOf))
  // A filter changes every figure, which is no news.
  if (searched() === "") announceChanges(data)
}

const arrived = (answers) => {
  answeredAt = { monotonic: performance.now(), wall: new Date() }
  failures = 0
  if (isLost) announce("The executor answers again.")
  isLost = false
  keepingFocus(() => showAll(answers))
}

const missed = () => {
  failures++
  if (!isLost) announce("The executor does not answer. What is shown is getting old.")
  isLost = true
}

/** Asks once, in the place of a look that has not ended, and again after a while unless nobody looks. */
const look = async () => {
  clearTimeout(timer)
  current.abort()
  current = new AbortController()
  const { signal } = current
  const answers = await Promise.all(sections.map((section) => ask(section, signal))).catch(() => undefined)
  if (signal.aborted) return
  const isMissed = answers === undefined
  if (!isPaused() && !document.hidden) {
    const delay = isMissed ? Math.min(atMostEvery, every * 2 ** failures) : every
    timer = setTimeout(look, delay * (0.9 + Math.random() / 5))
  }
  if (isMissed) missed()
  else arrived(answers)
  showAge()
}

// --- Controls ---

const setPaused = (paused) => {
  pause.setAttribute("aria-pressed", String(paused))
  showAge()
  if (paused) clearTimeout(timer)
  else look()
}

let typed

const filter = () => {
  for (const section of sections) section.offset = 0
  const url = new URL(location.href)
  if (searched() === "") url.searchParams.delete("search")
  else url.searchParams.set("search", searched())
  history.replaceState(null, "", url)
  look()
}

pause.addEventListener("click", () => setPaused(!isPaused()))

search.addEventListener("input", () => {
  clearTimeout(typed)
  typed = setTimeout(filter, 250)
})

document.addEventListener("click", ({ target }) => {
  const button = target.closest("button[data-offset], button[data-opens]")
  if (button === null) return
  const { offset, opens, section } = button.dataset
  if (opens !== undefined && !opened.delete(opens)) opened.add(opens)
  for (const turned of sections) if (turned.id === section) turned.offset = Number(offset)
  look()
})

document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(timer)
  else if (!isPaused()) look()
})

search.value = new URLSearchParams(location.search).get("search") ?? ""
byId("content").append(...sections.map(frame))
setInterval(showAge, 1000)
look()
