/** Styles of pages that have a heading with controls beside it, filters under it, and cards. */

import { css } from 'lit'

export const pageStyles = css`
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
  .chart {
    padding: 14px 16px 8px;
  }
  .loading {
    padding: 40px;
    text-align: center;
  }
`
