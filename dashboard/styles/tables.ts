/** Styles of tables: of all, and of those whose rows lead somewhere. */

import { css } from 'lit'

export const tableStyles = css`
  :host {
    display: block;
  }
  table {
    width: 100%;
    border-collapse: collapse;
  }
  th {
    padding: 9px 10px;
    box-shadow: inset 0 -1px var(--line);
    color: var(--text-soft);
    font-size: 12px;
    font-weight: 600;
    text-align: left;
    white-space: nowrap;
  }
  td {
    padding: 8px 10px;
    border-bottom: 1px solid var(--line);
  }
  :is(th, td):first-child {
    padding-left: 16px;
  }
  :is(th, td):last-child {
    padding-right: 16px;
  }
  .right {
    text-align: right;
  }
`

/** Numbers on the right. */
export const sumTableStyles = css`
  :host {
    overflow-x: auto;
  }
  table {
    font-variant-numeric: tabular-nums;
  }
  :is(th, td) {
    text-align: right;
  }
  .money {
    font-family: var(--mono);
    font-size: 12.5px;
  }
`

/** The link in `.lead` covers its row; under it stands a line of `.under`. */
export const linkedRowStyles = css`
  tr {
    position: relative;
  }
  tbody tr:last-child td {
    border-bottom: 0;
  }
  tbody tr:hover {
    background: var(--sunken);
  }
  .lead {
    max-width: 0;
    min-width: 150px;
  }
  .lead a,
  .under {
    display: block;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .lead a {
    color: var(--text);
    font-weight: 600;
    text-decoration: none;
  }
  .lead a::after {
    content: '';
    position: absolute;
    inset: 0;
  }
  .lead a:focus-visible {
    outline: none;
  }
  .lead a:focus-visible::after {
    outline: 2px solid var(--accent);
    outline-offset: -2px;
    border-radius: var(--radius-small);
  }
  tr:hover .lead a {
    color: var(--accent);
  }
  .under {
    color: var(--text-soft);
    font-size: 12.5px;
  }
`

/** Rows as entries of several lines, in two columns: for a narrow screen, in the media query of the table that wants it. */
export const entryRowStyles = css`
  thead {
    display: none;
  }
  table,
  tbody {
    display: block;
  }
  tr {
    display: grid;
    grid-template-columns: 1fr auto;
    gap: 3px 12px;
    padding: 12px 14px;
    border-bottom: 1px solid var(--line);
  }
  td:is(td, :first-child, :last-child) {
    padding: 0;
    border: 0;
    text-align: left;
  }
  .lead {
    grid-area: 1 / 1;
    width: auto;
    max-width: none;
    min-width: 0;
  }
  .status {
    grid-area: 1 / 2;
    justify-self: end;
  }
`
