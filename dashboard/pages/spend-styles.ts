import { css } from 'lit'

export const spendPageStyles = css`
  .by {
    display: inline-flex;
    align-items: center;
    gap: 8px;
  }
  .by span {
    color: var(--text-soft);
  }
  .totals {
    display: grid;
    grid-template-columns: repeat(3, minmax(0, 1fr)) minmax(0, 2fr);
    gap: 12px;
  }
  .table {
    overflow: clip;
  }
  @media (max-width: 1020px) {
    .totals {
      grid-template-columns: repeat(3, minmax(0, 1fr));
    }
    .totals > :last-child {
      grid-column: 1 / -1;
    }
  }
  @media (max-width: 640px) {
    :host {
      gap: 12px;
    }
    .totals {
      grid-template-columns: repeat(2, minmax(0, 1fr));
      gap: 8px;
    }
    .totals > :first-child {
      grid-column: 1 / -1;
    }
    .head .segments {
      order: 3;
      flex-wrap: wrap;
    }
  }
`
