import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ListStore } from '../../src/storage/lists.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let lists: ListStore;
beforeAll(async () => {
  database = await createTestDatabase();
  lists = new ListStore(database.pool);
});
afterAll(() => database.drop());

describe.each([
  ['topics', 'topic'],
  ['districts', 'district'],
] as const)('%s', (list, noun) => {
  test('are added, renamed and archived, and keep their code', async () => {
    await lists.add(list, { code: 'north', names: { en: 'North' } });
    await lists.add(list, { code: 'harbour', names: {} });
    expect((await lists.rename(list, 'north', { en: 'Northern', 'zh-CN': '北' })).names).toEqual({
      en: 'Northern',
      'zh-CN': '北',
    });
    expect((await lists.list(list)).map((entry) => entry.code)).toEqual(['harbour', 'north']);

    await lists.archive(list, 'harbour');
    expect((await lists.list(list)).map((entry) => entry.code)).toEqual(['north']);
    expect((await lists.list(list, { archived: true })).map((entry) => entry.code)).toEqual([
      'harbour',
      'north',
    ]);
    await expect(lists.add(list, { code: 'north', names: {} })).rejects.toMatchObject({
      kind: 'conflict',
      code: `${noun}-exists`,
    });
    await expect(lists.rename(list, 'south', {})).rejects.toMatchObject({
      kind: 'not-found',
      code: `unknown-${noun}`,
    });
  });

  test('codes become ids; unknown and archived ones are named', async () => {
    const [north] = await lists.list(list);
    expect(await lists.idsOf(list, ['north', 'north'])).toEqual([north?.id]);
    expect(await lists.idsOf(list, [])).toEqual([]);
    await expect(lists.idsOf(list, ['north', 'harbour', 'atlantis'])).rejects.toMatchObject({
      kind: 'invalid',
      code: `unknown-${noun}`,
      message: expect.stringMatching(/"harbour", "atlantis"/),
    });
  });
});
