import { css } from 'lit'

export const requestPageStyles = css`
  :host {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 16px;
  }
  .back {
    justify-self: start;
    color: var(--text-soft);
    text-decoration: none;
  }
  .back:hover {
    color: var(--accent);
  }
  .head {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 4px 12px;
    margin-top: -8px;
  }
  h1 {
    min-width: 0;
    overflow-wrap: anywhere;
  }
  .id {
    display: inline-flex;
    align-items: center;
    gap: 2px;
    min-width: 0;
    color: var(--text-soft);
    overflow-wrap: anywhere;
  }
  .loading {
    padding: 40px;
    text-align: center;
  }
  .error {
    display: grid;
    gap: 4px;
    padding: 14px 16px;
    border-color: color-mix(in srgb, var(--bad) 35%, transparent);
    border-left: 4px solid var(--bad);
  }
  .error .code {
    display: flex;
    flex-wrap: wrap;
    align-items: baseline;
    gap: 0 10px;
  }
  .error .code code {
    color: var(--bad);
    font-size: 14px;
    font-weight: 700;
  }
  .message {
    overflow-wrap: anywhere;
    white-space: pre-wrap;
  }
  .facts {
    display: grid;
    grid-template-columns: repeat(auto-fill, minmax(200px, 1fr));
    gap: 14px 24px;
    padding: 16px;
  }
  .facts div {
    min-width: 0;
  }
  dt {
    color: var(--text-soft);
    font-size: 12.5px;
  }
  dd {
    font-weight: 550;
    overflow-wrap: anywhere;
  }
  dd.mono,
  dd.faint {
    font-weight: 400;
  }
  dd .soft {
    display: block;
    font-size: 12.5px;
    font-weight: 400;
  }
  .adaptations {
    display: grid;
    gap: 6px;
    margin: 0;
    padding: 0 16px 16px;
    list-style: none;
  }
  .adaptations li {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 2px 10px;
  }
  .pairs {
    display: flex;
    flex-wrap: wrap;
    gap: 6px;
    margin: 0;
    padding: 0 16px 16px;
    list-style: none;
  }
  .pairs li {
    min-width: 0;
  }
  .pairs a {
    display: block;
    padding: 2px 10px;
    border-radius: 999px;
    background: var(--chip);
    color: var(--text);
    font-size: 12.5px;
    overflow-wrap: anywhere;
    text-decoration: none;
  }
  .pairs a:hover {
    background: var(--accent-soft);
  }
  .matches {
    overflow: clip;
  }
  .attempts {
    padding: 0 8px 12px;
  }
  @media (max-width: 640px) {
    .facts {
      grid-template-columns: repeat(2, minmax(0, 1fr));
      gap: 12px 14px;
    }
  }
`
