import { applyTheme, readTheme } from './controllers/theme.ts'

applyTheme(readTheme())
