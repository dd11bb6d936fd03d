// Elements, and how they replace each other. What comes from the cluster becomes text nodes and attributes only.

import { clock, number, tones } from "./words.js"

export const byId = (id) => document.getElementById(id)

export const element = (tag, attributes = {}, ...children) => {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
  made.append(...children)
  return made
}

export const small = (text) => element("div", { class: "small" }, text)

export const stateOf = (state, reason = "") => [
  element("span", { class: `state ${tones.get(state) ?? ""}` }, state),
  ...(reason === "" ? [] : [small(reason)])
]

export const nameOf = (namespace, name) =>
  element("span", {}, element("span", { class: "quiet" }, `${namespace}/`), name)

export const timeOf = (iso) => element("time", { datetime: iso, title: iso }, clock(new Date(iso)))

/** A number; an alarming one where it is not 0 and should be. */
export const figure = (value, alarming = false) =>
  element("span", { class: value === 0 ? "nothing" : alarming ? "alert" : "" }, number(value))

/** Puts the wanted nodes in, and touches only what differs: nothing blinks, and what is selected stays. */
export const fill = (parent, wanted) => {
  wanted.forEach((node, index) => {
    const held = parent.childNodes[index]
    if (held === undefined) parent.append(node)
    else if (!held.isEqualNode(node)) held.replaceWith(node)
  })
  while (parent.childNodes.length > wanted.length) parent.lastChild.remove()
}

/** Does that, and puts the focus back on the control of the same key if it went away with its element. */
export const keepingFocus = (render) => {
  const key = document.activeElement?.dataset?.key
  render()
  if (key === undefined || document.activeElement?.dataset?.key === key) return
  for (const control of document.querySelectorAll("[data-key]")) {
    if (control.dataset.key === key) return control.focus({ preventScroll: true })
  }
}
