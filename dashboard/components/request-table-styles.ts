import { css } from 'lit'

/** A table on wide screens, two-line entries on narrow ones. */
export const requestTableStyles = css`
  :host {
    display: block;
  }
  table {
    width: 100%;
    border-collapse: collapse;
  }
  th {
    position: sticky;
    top: 55px;
    z-index: 5;
    padding: 9px 10px;
    background: var(--surface);
    box-shadow: inset 0 -1px var(--line);
    color: var(--text-soft);
    font-size: 12px;
    font-weight: 600;
    text-align: left;
    white-space: nowrap;
  }
  th:first-child,
  td:first-child {
    padding-left: 16px;
  }
  th:last-child,
  td:last-child {
    padding-right: 16px;
  }
  th .arrow {
    color: var(--text-faint);
  }
  td {
    padding: 8px 10px;
    border-bottom: 1px solid var(--line);
    vertical-align: middle;
  }
  tr {
    position: relative;
  }
  tbody tr:last-child td {
    border-bottom: 0;
  }
  tbody tr:hover {
    background: var(--sunken);
  }
  .right {
    text-align: right;
  }
  .model {
    width: 30%;
    max-width: 0;
    min-width: 150px;
  }
  .model a,
  .route {
    display: block;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .model a {
    color: var(--text);
    font-weight: 600;
    text-decoration: none;
  }
  .model a::after {
    content: '';
    position: absolute;
    inset: 0;
  }
  tr:hover .model a {
    color: var(--accent);
  }
  .model a:focus-visible {
    outline: none;
  }
  .model a:focus-visible::after {
    outline: 2px solid var(--accent);
    outline-offset: -2px;
    border-radius: var(--radius-small);
  }
  .route {
    color: var(--text-soft);
    font-size: 12.5px;
  }
  .time {
    color: var(--text-soft);
  }
  :host([one-session]) .session {
    display: none;
  }
  .session a {
    position: relative;
    z-index: 1;
    display: block;
    max-width: 8.5rem;
    overflow: hidden;
    color: var(--text-soft);
    text-overflow: ellipsis;
    text-decoration: none;
    white-space: nowrap;
  }
  .session a:hover {
    color: var(--accent);
    text-decoration: underline;
  }
  .tags {
    display: flex;
    flex-wrap: wrap;
    gap: 4px;
  }
  .tags .badge {
    display: block;
    max-width: 15rem;
    overflow: hidden;
    text-overflow: ellipsis;
  }
  tr.arrived td {
    animation: arrive 3.5s ease-out;
  }
  tr.arrived td:first-child {
    box-shadow: inset 3px 0 var(--accent);
  }
  @keyframes arrive {
    from {
      background: var(--accent-soft);
    }
  }
  @media (prefers-reduced-motion: reduce) {
    tr.arrived td {
      animation: none;
    }
  }
  @media (max-width: 1240px) {
    .overhead {
      display: none;
    }
  }
  @media (max-width: 1100px) {
    .first,
    .session {
      display: none;
    }
  }
  @media (max-width: 860px) {
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
    tr.arrived {
      box-shadow: inset 3px 0 var(--accent);
    }
    tr.arrived td:first-child {
      box-shadow: none;
    }
    td,
    td:first-child,
    td:last-child {
      padding: 0;
      border: 0;
      text-align: left;
    }
    .model {
      grid-area: 1 / 1;
      width: auto;
      max-width: none;
      min-width: 0;
    }
    .status {
      grid-area: 1 / 2;
      justify-self: end;
    }
    td.time {
      grid-area: 2 / 1;
      font-size: 12.5px;
    }
    td.latency {
      grid-area: 2 / 2;
      justify-self: end;
    }
    td.cost {
      grid-area: 3 / 2;
      justify-self: end;
      font-size: 12.5px;
    }
    .notes {
      grid-area: 3 / 1;
    }
    td.in,
    td.out,
    td.first,
    td.session {
      display: none;
    }
  }
`
