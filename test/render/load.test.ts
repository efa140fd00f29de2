import { rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadTemplates } from '../../src/render/load.ts';
import { createRenderer } from '../../src/render/renderer.ts';
import { contextOf, errorOf, filesOf, folderOf } from './fixtures.ts';

const EN = { defaultLocale: 'en' };
const NO_SIGNATURE = { defaultLocale: 'en', signature: {}, officeName: 'Police' };

const failing = async (files: Record<string, string | Uint8Array>) => {
  const folder = await folderOf(files);
  return errorOf(() => loadTemplates([folder], EN));
};

describe('loading templates', () => {
  it('lists what it found and names it when asked for something else', async () => {
    const folder = await folderOf({ ...filesOf('one'), ...filesOf('two') });
    const library = await loadTemplates([folder], EN);
    expect(library.list().map((t) => [t.manifest.name, t.locales])).toEqual([
      ['one', ['en']],
      ['two', ['en']],
    ]);
    const error = await errorOf(() => library.bundle('three', NO_SIGNATURE));
    expect(error).toMatchObject({ code: 'unknown-template', fix: 'use one of: one, two' });
  });

  it('gives a bundle that still renders when the files are gone', async () => {
    const folder = await folderOf(
      filesOf('one', {
        'one/en/sms.hbs': '{{> greeting to=recipient.name}}{{headline}}',
        'partials/greeting.hbs': '{{#if to}}{{to}}: {{/if}}',
        'partials/unused.hbs': 'x',
      }),
    );
    const bundle = (await loadTemplates([folder], EN)).bundle('one', NO_SIGNATURE);
    await rm(folder, { recursive: true });
    expect(Object.keys(bundle.partials)).toEqual(['greeting']);
    expect(Object.isFrozen(bundle.locales.en)).toBe(true);
    const stored = JSON.parse(JSON.stringify(bundle));
    const sms = createRenderer().compile(stored, contextOf()).sms('en', { name: 'Li' });
    expect(sms.body).toBe('Li: News');
  });

  it('lets a later folder replace templates and shared partials, and a template its own', async () => {
    const shipped = await folderOf({
      ...filesOf('one', { 'one/en/sms.hbs': '{{> sign}}', 'partials/sign.hbs': 'shipped' }),
      ...filesOf('two', { 'two/en/sms.hbs': '{{> sign}}', 'two/partials/sign.hbs': 'its own' }),
      ...filesOf('three', { 'three/en/sms.hbs': 'old' }),
    });
    const office = await folderOf({
      'partials/sign.hbs': 'of the office',
      ...filesOf('three', { 'three/en/sms.hbs': 'new' }),
    });
    const library = await loadTemplates([shipped, office], EN);
    const sms = (name: string) =>
      createRenderer().compile(library.bundle(name, NO_SIGNATURE), contextOf()).sms('en', { name: null })
        .body;
    expect(['one', 'two', 'three'].map(sms)).toEqual(['of the office', 'its own', 'new']);
  });

  it('names file and line of every mistake in every language', async () => {
    const { manifest, ...parts } = { manifest: '', ...filesOf('one') };
    const folder = await folderOf({
      ...parts,
      ...Object.fromEntries(
        Object.entries(parts)
          .filter(([path]) => path.includes('/en/'))
          .map(([path, text]) => [path.replace('/en/', '/zh-CN/'), text]),
      ),
      'one/en/email.text.hbs': 'Hello\n\n{{headlin}}',
      'one/zh-CN/sms.hbs': '{{> foot}}',
      'partials/foot.hbs': 'a\n{{nobody}}',
    });
    const error = await errorOf(() => loadTemplates([folder], EN));
    expect(error.code).toBe('template-error');
    expect(error.message).toContain(`${folder}/one/en/email.text.hbs:3`);
    expect(error.issues).toEqual([
      { path: `${folder}/one/en/email.text.hbs:3`, message: 'unknown variable "headlin"' },
      { path: `${folder}/partials/foot.hbs:2`, message: 'unknown variable "nobody"' },
    ]);
  });

  it('says where the syntax breaks, also in a partial that nobody calls', async () => {
    const error = await failing({
      ...filesOf('one', { 'one/en/sms.hbs': 'a\n{{#if headline}}\nb{{/each}}' }),
      'partials/broken.hbs': '\n\n{{oops',
    });
    expect(error.issues.map((issue) => issue.path)).toEqual([
      expect.stringMatching(/templates\/one\/en\/sms\.hbs:2$/),
      expect.stringMatching(/templates\/partials\/broken\.hbs:3$/),
    ]);
  });

  const without = (path: string) => {
    const files = filesOf('one');
    delete files[path];
    return files;
  };
  it.each([
    ['a missing part', without('one/en/webhook.hbs'), 'one/en/webhook.hbs', 'is missing'],
    ['a part that is none', filesOf('one', { 'one/en/mms.hbs': '' }), 'one/en/mms.hbs', 'not a part'],
    ['a missing manifest', without('one/template.json'), 'one/template.json', 'is missing'],
    [
      'a manifest that is no JSON',
      filesOf('one', { 'one/template.json': '{' }),
      'one/template.json',
      'not JSON',
    ],
    [
      'an incomplete manifest',
      filesOf('one', { 'one/template.json': '{"name":"one"}' }),
      'fields',
      'is required',
    ],
    [
      'another name in the manifest',
      filesOf('one', { 'one/template.json': filesOf('x')['x/template.json'] ?? '' }),
      'one/template.json',
      'folder is "one"',
    ],
    [
      'a field with a taken name',
      filesOf('one', {
        'one/template.json': '{"name":"one","fields":[{"name":"office","required":true,"maxLength":9}]}',
      }),
      'one/template.json',
      '"office" is taken',
    ],
    [
      'a folder that is no language',
      { ...filesOf('one'), 'one/english/sms.hbs': '' },
      'one/english',
      'language tag',
    ],
    ['an odd template name', { 'Big Case/template.json': '{}' }, 'templates/Big Case', 'is named like'],
    [
      'bytes that are not UTF-8',
      { ...filesOf('one'), 'one/en/sms.hbs': new Uint8Array([0xd6, 0xd0]) },
      'one/en/sms.hbs',
      'UTF-8',
    ],
    [
      'a file as large as a book',
      filesOf('one', { 'one/en/sms.hbs': 'x'.repeat(300_000) }),
      'one/en/sms.hbs',
      'larger than',
    ],
    [
      'a template without the default language',
      Object.fromEntries(Object.entries(filesOf('one')).map(([p, t]) => [p.replace('/en/', '/zh-CN/'), t])),
      'templates/one/en',
      'default language',
    ],
    [
      'a link for routes without links',
      filesOf('one', { 'one/en/sms.hbs': '{{headline}} see police.example.com' }),
      'one/en/sms.hbs',
      'link',
    ],
  ])('refuses %s', async (_, files, path, message) => {
    const error = await failing(files);
    expect(error.code).toBe('template-error');
    expect(error.issues[0]?.path).toContain(path);
    expect(error.issues[0]?.message).toContain(message);
  });

  it('follows links inside the folder and none that lead out', async () => {
    const folder = await folderOf({ ...filesOf('one'), 'one/.data/sms.hbs': 'linked' });
    await rm(join(folder, 'one/en/sms.hbs'));
    await symlink(join(folder, 'one/.data/sms.hbs'), join(folder, 'one/en/sms.hbs'));
    const bundle = (await loadTemplates([folder], EN)).bundle('one', NO_SIGNATURE);
    expect(bundle.locales.en?.sms).toBe('linked');

    const outside = `${folder}-secret.hbs`;
    await writeFile(outside, 'secret');
    await rm(join(folder, 'one/en/sms.hbs'));
    await symlink(outside, join(folder, 'one/en/sms.hbs'));
    const error = await errorOf(() => loadTemplates([folder], EN));
    expect(error.issues[0]).toEqual({
      path: `${folder}/one/en/sms.hbs`,
      message: "leads out of the templates' folder",
    });
  });

  it('says which folder is not there', async () => {
    const error = await errorOf(() => loadTemplates(['/nowhere/templates'], EN));
    expect(error).toMatchObject({
      code: 'template-error',
      message: expect.stringContaining('/nowhere/templates'),
    });
  });

  it('says that a file is no folder', async () => {
    const error = await errorOf(() => loadTemplates([import.meta.filename], EN));
    expect(error).toMatchObject({
      code: 'template-error',
      fix: expect.stringMatching(/HERALD_TEMPLATES_DIR/),
    });
    expect(error.message).toBe(`the templates' folder ${import.meta.filename} is not a folder`);
  });
});
