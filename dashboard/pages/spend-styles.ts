import { css } from 'lit'

export const spendPageStyles = css`
  :host {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 16px;
  }
  .head,
  .filters {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 8px;
  }
  h1 {
    flex: 1;
  }
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
  .chart {
    padding: 14px 16px 8px;
  }
  .table {
    overflow: clip;
  }
  .loading {
    padding: 40px;
    text-align: center;
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
