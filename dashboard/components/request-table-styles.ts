import { css } from 'lit'
import { entryRowStyles } from '../styles/tables.ts'

/** A table on wide screens, two-line entries on narrow ones. */
export const requestTableStyles = css`
  th {
    position: sticky;
    top: 55px;
    z-index: 5;
    background: var(--surface);
  }
  th .arrow {
    color: var(--text-faint);
  }
  .lead {
    width: 30%;
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
    ${entryRowStyles}
    tr.arrived {
      box-shadow: inset 3px 0 var(--accent);
    }
    tr.arrived td:first-child {
      box-shadow: none;
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
