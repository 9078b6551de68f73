import { css } from 'lit'

export const requestsPageStyles = css`
  :host {
    gap: 14px;
  }
  .live {
    display: inline-flex;
    align-items: center;
    gap: 8px;
    color: var(--text-soft);
  }
  .dot {
    width: 8px;
    height: 8px;
    border-radius: 50%;
    background: var(--text-faint);
  }
  .dot.on {
    background: var(--good);
    box-shadow: 0 0 0 3px var(--good-soft);
  }
  button.more-toggle[aria-expanded='true'] {
    border-color: var(--accent);
    color: var(--accent);
  }
  .count {
    min-width: 18px;
    padding: 0 5px;
    border-radius: 999px;
    background: var(--accent);
    color: var(--accent-ink);
    font-size: 11.5px;
    line-height: 18px;
  }
  .waiting {
    position: sticky;
    top: 64px;
    z-index: 10;
    justify-self: center;
    border-radius: 999px;
    box-shadow: var(--shadow-high);
  }
  .more {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    justify-content: center;
    gap: 8px 14px;
    padding: 14px;
    border-top: 1px solid var(--line);
  }
  .more.newer {
    border-top: 0;
    border-bottom: 1px solid var(--line);
  }
  .card {
    overflow: clip;
  }
`
