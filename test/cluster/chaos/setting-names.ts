/** The settings of the chaos test by name, also for whoever runs outside of the tests. */
export const SETTING_NAMES = [
  'sqlite',
  'redis-aof',
  'sentinel-wait-all',
  'sentinel-wait-1',
  'sentinel-no-wait',
] as const

export type SettingName = (typeof SETTING_NAMES)[number]
