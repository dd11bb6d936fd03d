// The whole at a glance: tiles, and what is worth saying aloud.

import { byId, element } from "./elements.js"
import { requestRate } from "./requestRates.js"
import { count, duration, number, sum, tones } from "./words.js"

const inStates = (states, ...names) => sum(names.map((name) => states[name] ?? 0))

/** One line for each tile: where it leads, its figure, what else there is to say, and how bad it is. */
export const glance = ({ functions, namespaces, pools }) => {
  const { apiServer, states, total } = namespaces
  const healthy = inStates(states, "Healthy")
  const stopped = inStates(states, "Braked", "Blocked", "BackingOff")
  const stuck = inStates(pools.states, "Stuck")
  const failing = inStates(functions.states, "Failing", "Degraded")
  const waiting = inStates(functions.states, "Waiting")
  const lasting = apiServer.forSeconds === undefined ? "" : ` for ${duration(apiServer.forSeconds)}`
  const toned = (bad, warn) => (bad > 0 ? "bad" : warn > 0 ? "warn" : "good")
  return [
    {
      id: "requests",
      title: "Kubernetes API",
      value: `${apiServer.state}${lasting}`,
      note: `${requestRate()} requests/s`.replace("measuring requests/s", "measuring requests"),
      tone: tones.get(apiServer.state) ?? "warn"
    },
    {
      id: "namespaces",
      title: "Namespaces",
      value: `${number(healthy)} of ${number(total)}`,
      note: healthy === total ? "healthy" : `healthy, ${number(total - healthy)} not`,
      tone: toned(stopped, total - healthy)
    },
    {
      id: "pools",
      title: "Warm pods",
      value: `${number(pools.pods.warm)} + ${number(pools.pods.reserved)} reserved`,
      note: stuck > 0 ? `${count(stuck, "pool")} stuck` : `${number(pools.pods.starting)} starting`,
      tone: toned(stuck, inStates(pools.states, "Waiting"))
    },
    {
      id: "functions",
      title: "Functions",
      value: number(functions.total),
      note: failing > 0 ? `${number(failing)} failing` : `${number(waiting)} waiting`,
      tone: toned(failing, waiting)
    }
  ]
}

export const tileOf = ({ id, note, title, tone, value }) =>
  element(
    "li",
    {},
    element(
      "a",
      { href: `#${id}`, class: tone, "data-key": `tile ${id}` },
      element("span", { class: "quiet" }, title),
      element("b", {}, value),
      element("span", { class: "note" }, note)
    )
  )

/** What a change of the whole is worth saying aloud; without ages and rates, which change all the time. */
const gist = ({ functions, namespaces, pools }) => ({
  api: `Kubernetes API: ${namespaces.apiServer.state}.`,
  namespaces: `${number(inStates(namespaces.states, "Healthy"))} of ${count(namespaces.total, "namespace")} healthy.`,
  pools: `${count(inStates(pools.states, "Stuck"), "pool")} stuck.`,
  functions: `${count(inStates(functions.states, "Failing", "Degraded"), "function")} failing.`
})

let lastGist

export const announce = (text) => {
  byId("announcements").textContent = text
}

export const announceChanges = (data) => {
  const now = gist(data)
  const changed = Object.keys(now).filter((name) => lastGist !== undefined && lastGist[name] !== now[name])
  lastGist = now
  if (changed.length > 0) announce(changed.map((name) => now[name]).join(" "))
}
