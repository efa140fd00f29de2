import { defineConfig, mergeConfig } from 'vitest/config';
import { base } from '../../vitest.config.ts';

/** `npm run screenshots`: the console's main pages, into docs/images. */
export default mergeConfig(base, defineConfig({ test: { include: ['test/screenshots/*.shots.ts'] } }));
