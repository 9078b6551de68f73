import { css, unsafeCSS } from 'lit'

/** Inline styles are forbidden by the content security policy: one class per depth. */
const indents = unsafeCSS(
  Array.from({ length: 17 }, (_, depth) => `.indent-${depth}{padding-left:${depth * 1.15}em}`).join(''),
)

export const jsonCompareStyles = css`
  :host {
    display: block;
    font-size: 12.5px;
    line-height: 1.55;
  }
  ${indents}
  .equal {
    padding: 8px 14px;
    border-bottom: 1px solid var(--line);
    color: var(--text-soft);
  }
  .rows {
    padding: 6px 0;
  }
  .row {
    display: grid;
    grid-template-columns: minmax(0, 1fr) minmax(0, 1fr);
  }
  .side {
    display: grid;
    grid-template-columns: 20px minmax(0, 1fr);
    padding-right: 12px;
    min-height: 1.55em;
  }
  .side.right {
    border-left: 1px solid var(--line);
  }
  code {
    white-space: pre-wrap;
    overflow-wrap: anywhere;
  }
  .sign {
    padding-left: 7px;
    font-family: var(--mono);
    user-select: none;
  }
  .changed .left:not(.absent),
  .removed .left {
    background: var(--bad-soft);
  }
  .changed .right:not(.absent),
  .added .right {
    background: var(--good-soft);
  }
  .changed .left .sign,
  .removed .left .sign {
    color: var(--bad);
  }
  .changed .right .sign,
  .added .right .sign {
    color: var(--good);
  }
  .absent {
    background: repeating-linear-gradient(-45deg, transparent 0 5px, var(--sunken) 5px 10px);
  }
  .name {
    color: light-dark(#0b5e8a, #7cc4f0);
  }
  .string {
    color: light-dark(#2f5d2a, #b2d8a3);
  }
  .literal {
    color: light-dark(#8a3b12, #f0b48a);
  }
  .mark {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 2px 8px;
    padding: 3px 12px 3px 20px;
    border-left: 3px solid var(--warn);
    background: var(--warn-soft);
  }
  .mark .detail {
    color: var(--text-soft);
    overflow-wrap: anywhere;
  }
  .fold {
    width: 100%;
    height: 26px;
    margin: 2px 0;
    border: 0;
    border-radius: 0;
    background: var(--sunken);
    color: var(--text-soft);
    font-size: 12.5px;
  }
  .fold:hover {
    color: var(--accent);
  }
  @media (max-width: 820px) {
    .row {
      grid-template-columns: minmax(0, 1fr);
    }
    .side.right {
      border-left: 0;
    }
    .same .right,
    .absent {
      display: none;
    }
  }
`
