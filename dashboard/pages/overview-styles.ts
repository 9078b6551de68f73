import { css } from 'lit'

export const overviewStyles = css`
  .totals {
    display: grid;
    grid-template-columns: 1fr 1fr 1.45fr 1.45fr 1.2fr 1.2fr 1.2fr;
    gap: 12px;
  }
  .charts {
    display: grid;
    grid-template-columns: repeat(2, minmax(0, 1fr));
    gap: 16px;
  }
  .lists {
    columns: 2;
    column-gap: 16px;
  }
  .lists > * {
    break-inside: avoid;
    margin-bottom: 16px;
  }
  .lists-head {
    display: flex;
    align-items: center;
    justify-content: space-between;
    gap: 12px;
    margin-top: 4px;
  }
  .span {
    margin-left: auto;
  }
  .span,
  .store {
    font-size: 12.5px;
  }
  .note {
    padding: 8px 14px;
    border: 1px solid var(--line);
    border-left: 3px solid var(--accent);
    border-radius: var(--radius-small);
    background: var(--surface);
    color: var(--text-soft);
  }
  .note strong {
    color: var(--text);
  }
  .note.warn {
    border-left-color: var(--warn);
    background: var(--warn-soft);
  }
  @media (max-width: 1300px) {
    .totals {
      grid-template-columns: repeat(4, minmax(0, 1fr));
    }
  }
  @media (max-width: 820px) {
    .charts {
      grid-template-columns: minmax(0, 1fr);
    }
    .lists {
      columns: 1;
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
  }
`
