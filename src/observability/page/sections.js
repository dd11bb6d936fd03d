// What each table shows: from which debug page, how many rows at a time, and what is in each column.

import { element, figure, nameOf, small, stateOf, timeOf } from "./elements.js"
import { callOf, rateOf } from "./requestRates.js"
import { count, duration, millis, number } from "./words.js"

/** Keys of functions whose pods are listed. */
export const opened = new Set()

const viewAge = ({ viewAgeSeconds }) => (viewAgeSeconds === null ? "not listed yet" : duration(viewAgeSeconds))

const troubleOf = ({ brake, circuits, reason }) =>
  [
    brake && `deletions are stopped for ${duration(brake.forSeconds)}: ${brake.reason}`,
    reason,
    ...Object.entries(circuits)
      .filter(([, { reads, writes }]) => reads !== "Closed" || writes !== "Closed")
      .map(([namespace, { reads, writes }]) => `circuits of ${namespace}: reads ${reads}, writes ${writes}`)
  ].filter(Boolean)

const podsOf = (fn) => {
  const key = `pods ${fn.namespace}/${fn.name}`
  if (fn.shown.length === 0) return [figure(fn.pods)]
  const isOpen = opened.has(key)
  const toggle = element(
    "button",
    { type: "button", class: "toggle", "data-key": key, "data-opens": key, "aria-expanded": String(isOpen) },
    number(fn.pods),
    element("span", { class: "hidden" }, ` pods of ${fn.name}`)
  )
  const line = ({ active, address, idleForSeconds, name, provisioned }) =>
    element(
      "li",
      { class: "small" },
      [
        name,
        address,
        ...(active === null ? [] : [active > 0 ? count(active, "request") : `idle for ${duration(idleForSeconds)}`]),
        ...(provisioned ? ["held warm"] : [])
      ].join(" · ")
    )
  const more = fn.pods - fn.shown.length
  const list = element(
    "ul",
    { class: "pods" },
    ...fn.shown.map(line),
    ...(more > 0 ? [element("li", { class: "small" }, `and ${number(more)} more`)] : [])
  )
  return isOpen ? [toggle, list] : [toggle]
}

const coldStartOf = ({ lastColdStart }) => {
  if (lastColdStart === null) return [element("span", { class: "nothing" }, "none seen")]
  const { at, failure, millis: total, phases } = lastColdStart
  const bar = element("div", { class: "phases", "aria-hidden": "true" })
  for (const { phase, millis } of phases) {
    const part = element("i", { class: `phase-${phase}` })
    part.style.flexGrow = String(millis)
    bar.append(part)
  }
  const outcome = failure === null ? [] : [element("span", { class: "alert" }, ` failed: ${failure}`)]
  const spelled = phases.map(({ millis: spent, phase }) => `${phase.replaceAll("_", " ")} ${number(spent)}`).join(" · ")
  return [
    element("span", {}, `${millis(total)} at `, timeOf(at), ...outcome),
    ...(spelled === "" ? [] : [bar, small(spelled)])
  ]
}

export const sections = [
  {
    id: "namespaces",
    title: "Namespaces",
    caption: "Health, and the age of what the executor knows",
    size: 10,
    nothing: "No namespace is served.",
    keyOf: ({ namespace }) => namespace,
    columns: [
      { title: "Namespace", width: "22%", cell: ({ namespace }) => [namespace] },
      { title: "State", width: "14%", cell: ({ state, brake }) => stateOf(brake ? "Braked" : state) },
      { title: "For", width: "8%", isNumber: true, cell: ({ forSeconds }) => [duration(forSeconds)] },
      { title: "View age", width: "10%", isNumber: true, cell: (row) => [viewAge(row)] },
      { title: "Queued", width: "8%", isNumber: true, cell: ({ queued }) => [figure(queued)] },
      { title: "Why", cell: (row) => troubleOf(row).map((line) => element("div", {}, line)) }
    ]
  },
  {
    id: "pools",
    title: "Pools",
    caption: "Pods of each Environment",
    size: 10,
    nothing: "No Environment yet: each one gets a pool.",
    keyOf: ({ environment, image, namespace }) => `${namespace}/${environment} ${image}`,
    columns: [
      {
        title: "Environment",
        width: "18%",
        cell: ({ environment, image, namespace }) => [
          nameOf(namespace, environment),
          ...(image === "" ? [] : [small(image)])
        ]
      },
      { title: "State", width: "26%", cell: ({ reason, state }) => stateOf(state, reason) },
      {
        title: "Warm",
        isNumber: true,
        cell: ({ pods, target }) => [
          element("span", {}, number(pods.warm), element("span", { class: "quiet" }, ` of ${number(target)}`))
        ]
      },
      { title: "Reserved", isNumber: true, cell: ({ pods }) => [figure(pods.reserved)] },
      { title: "Starting", isNumber: true, cell: ({ pods }) => [figure(pods.starting)] },
      { title: "Loading", isNumber: true, cell: ({ pods }) => [figure(pods.loading)] },
      { title: "Serving", isNumber: true, cell: ({ pods }) => [figure(pods.serving)] },
      { title: "Leaving", isNumber: true, cell: ({ pods }) => [figure(pods.leaving)] },
      { title: "Waiting", isNumber: true, cell: ({ waiting }) => [figure(waiting, true)] }
    ]
  },
  {
    id: "functions",
    title: "Functions",
    caption: "Pods, slots for requests, and the last cold start in milliseconds by phase",
    size: 20,
    nothing: "No Function yet.",
    keyOf: ({ name, namespace }) => `${namespace}/${name}`,
    columns: [
      {
        title: "Function",
        width: "22%",
        cell: (fn) => [
          nameOf(fn.namespace, fn.name),
          small([fn.executorType, fn.environment, `generation ${fn.generation}`].filter(Boolean).join(" · "))
        ]
      },
      { title: "State", width: "22%", cell: ({ reason, state }) => stateOf(state, reason) },
      { title: "Pods", width: "15%", cell: podsOf },
      {
        title: "Slots",
        width: "7%",
        isNumber: true,
        cell: ({ slots }) => (slots === null ? [] : [`${number(slots.active)} of ${number(slots.total)}`])
      },
      { title: "Waiting", width: "7%", isNumber: true, cell: ({ waiting }) => [figure(waiting, true)] },
      { title: "Last cold start", cell: coldStartOf }
    ]
  },
  {
    id: "decisions",
    title: "Decisions",
    caption: "What was done to which object, and why; newest first",
    size: 20,
    nothing: "Nothing was decided yet.",
    rowsOf: ({ decisions }) => decisions.toReversed(),
    keyOf: ({ action, at, kind, name, namespace }) => `${at} ${action} ${kind} ${namespace}/${name}`,
    columns: [
      { title: "When", width: "8%", cell: ({ at }) => [timeOf(at)] },
      { title: "What", width: "12%", cell: ({ action, kind }) => [`${action} ${kind}`] },
      { title: "Object", width: "34%", cell: ({ name, namespace }) => [nameOf(namespace, name)] },
      { title: "Why", cell: ({ ground, reason }) => [reason, ...(ground === undefined ? [] : [small(ground)])] }
    ]
  },
  {
    id: "requests",
    title: "Kubernetes API",
    caption: "HTTP requests to the API server, and failures by class",
    size: 100,
    isWhole: true,
    nothing: "No request yet.",
    rowsOf: ({ errors, requests }) => [...requests, ...errors].map((row) => ({ call: callOf(row), total: row.total })),
    keyOf: ({ call }) => call,
    columns: [
      { title: "Call", width: "50%", cell: ({ call }) => [call] },
      { title: "Per second", isNumber: true, cell: ({ call }) => [rateOf(call)] },
      { title: "Since the start", isNumber: true, cell: ({ total }) => [number(total)] }
    ]
  }
]
