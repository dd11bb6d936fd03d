// Rates of requests to the Kubernetes API, from what was counted at two looks.

import { duration, sum } from "./words.js"

/** Looks that the line remembers: five minutes. */
const remembered = 100

/** How a row of counted calls is named. */
export const callOf = ({ class: failure, code, method }) =>
  failure === undefined ? `${method} ${code}` : `failed: ${failure}`

/** What was counted at the latest looks, oldest first. */
const samples = []

/** Takes in what was counted until now. */
export const remember = ({ errors, requests: counted }) => {
  const requests = sum(counted.map(({ total }) => total))
  const totals = new Map([
    ...counted.map((row) => [callOf(row), row.total]),
    ...errors.map((row) => [callOf(row), row.total])
  ])
  // Counts that shrank are those of another process.
  if (requests < (samples.at(-1)?.requests ?? 0)) samples.length = 0
  samples.push({ at: performance.now(), totals, requests })
  if (samples.length > remembered) samples.shift()
}

const perSecond = (before, now, of) => (of(now) - of(before)) / ((now.at - before.at) / 1000)

/** Over the last half minute. */
const recently = (of) => {
  const now = samples.at(-1)
  const before = samples.find(({ at }) => now.at - at <= 30_000)
  return before === now ? "measuring" : perSecond(before, now, of).toFixed(1)
}

export const rateOf = (call) => recently(({ totals }) => totals.get(call) ?? 0)

export const requestRate = () => recently(({ requests }) => requests)

/** The rates of the last minutes as a line; nothing until there are two. */
export const lineOfRates = () => {
  if (samples.length < 3) return []
  const rates = samples.slice(1).map((sample, index) => perSecond(samples[index], sample, ({ requests }) => requests))
  const most = Math.max(1, ...rates)
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg")
  const path = document.createElementNS("http://www.w3.org/2000/svg", "polyline")
  const points = rates.map((rate, index) => `${remembered - rates.length + index},${39 - (rate / most) * 38}`)
  const label = `Requests a second over the last ${duration((samples.at(-1).at - samples[0].at) / 1000)}, at most ${most.toFixed(1)}`
  const attributes = { class: "line", viewBox: `0 0 ${remembered} 40`, preserveAspectRatio: "none", role: "img" }
  for (const [name, value] of Object.entries({ ...attributes, "aria-label": label })) svg.setAttribute(name, value)
  const drawn = {
    points: points.join(" "),
    fill: "none",
    stroke: "currentColor",
    "vector-effect": "non-scaling-stroke"
  }
  for (const [name, value] of Object.entries(drawn)) path.setAttribute(name, value)
  svg.append(path)
  return [svg]
}
