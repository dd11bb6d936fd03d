// A section of the page: its heading, its pages of rows, its table.

import { element, fill } from "./elements.js"
import { number } from "./words.js"

const cellOf = (row) => (column, index) => {
  const content = column.cell(row)
  const look = column.isNumber ? { class: "number" } : {}
  return index === 0
    ? element("th", { scope: "row", role: "rowheader", ...look }, ...content)
    : element("td", { role: "cell", "data-label": column.title, ...look }, ...content)
}

/** A control that may be out of use keeps the focus, so it is not disabled. */
const turn = (section, text, offset, isPossible) =>
  element(
    "button",
    {
      type: "button",
      "data-key": `${section.id} ${text}`,
      "aria-label": `${text}, ${section.title}`,
      "aria-disabled": String(!isPossible),
      ...(isPossible && { "data-section": section.id, "data-offset": String(offset) })
    },
    text
  )

const pagerOf = (section, total, shown) => {
  const { offset, size } = section
  const range = total > shown ? `${number(Math.min(offset + 1, total))}–${number(offset + shown)} of ` : ""
  const buttons = [
    turn(section, "Previous", Math.max(0, offset - size), offset > 0),
    turn(section, "Next", offset + size, offset + shown < total)
  ]
  return [element("span", { class: "quiet" }, `${range}${number(total)}`), ...(total > size ? buttons : [])]
}

/** The frame of a section; its rows come with the first answer. */
export const frame = (section) => {
  const heading = element("h2", { id: `${section.id}-title` }, section.title)
  const heads = section.columns.map(({ isNumber, title, width }) => {
    const head = element("th", { scope: "col", role: "columnheader", class: isNumber ? "number" : "" }, title)
    if (width !== undefined) head.style.width = width
    return head
  })
  section.offset = 0
  section.pager = element("div", { class: "pager" })
  section.above = element("div", { class: "above" })
  section.problem = element("p", { class: "problem", hidden: "" })
  section.body = element("tbody", { role: "rowgroup" })
  const table = element(
    "table",
    { role: "table" },
    element("caption", {}, section.caption),
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...heads)),
    section.body
  )
  return element(
    "section",
    { id: section.id, "aria-labelledby": heading.id, tabindex: "-1" },
    element("div", { class: "head" }, heading, section.pager),
    section.above,
    section.problem,
    table
  )
}

const emptyRow = (section, searched) => {
  const text = searched === "" || section.isWhole ? section.nothing : `Nothing matches “${searched}”.`
  const cell = element("td", { role: "cell", class: "nothing", colspan: String(section.columns.length) }, text)
  return element("tr", { role: "row", "data-row": "" }, cell)
}

/** Brings a section up to date with what its page says of what was searched for. */
export const show = (section, data, searched) => {
  const rows = section.rowsOf === undefined ? data[section.id] : section.rowsOf(data)
  const held = new Map(Array.from(section.body.children, (row) => [row.dataset.row, row]))
  const wanted = rows.map((row) => {
    const key = section.keyOf(row)
    const tr = held.get(key) ?? element("tr", { role: "row", "data-row": key })
    held.delete(key)
    fill(tr, section.columns.map(cellOf(row)))
    return tr
  })
  if (wanted.length === 0) wanted.push(emptyRow(section, searched))
  wanted.forEach((tr, index) => {
    if (section.body.children[index] !== tr) section.body.insertBefore(tr, section.body.children[index] ?? null)
  })
  while (section.body.children.length > wanted.length) section.body.lastChild.remove()
  fill(section.pager, section.isWhole ? [] : pagerOf(section, data.total, rows.length))
}
