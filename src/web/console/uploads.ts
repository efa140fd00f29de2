import { pipeline, type Readable } from 'node:stream';
import { Busboy } from '@fastify/busboy';
import type { FastifyRequest } from 'fastify';
import { HeraldError } from '../../domain/errors.ts';

/** Besides the file, a form may have a field or two. */
const LIMITS = { files: 1, fields: 10, parts: 11, fieldSize: 1_000, headerPairs: 20 };

/**
 * The file of a form (`multipart/form-data`) whose body was left a stream; it never lies in memory whole. Whoever stops
 * reading it must leave the rest to be thrown away (`resume`), or the browser never reads our answer.
 * @returns `undefined` when the form has none
 * @throws HeraldError `upload-broken`
 */
export function uploadedFile(request: FastifyRequest): Promise<Readable | undefined> {
  const { 'content-type': type = '', ...headers } = request.headers;
  return new Promise((resolve, reject) => {
    const broken = (cause: unknown) =>
      new HeraldError('invalid', 'upload-broken', 'the upload broke off', { cause });
    let file: Readable | undefined;
    let parser: InstanceType<typeof Busboy>;
    try {
      parser = new Busboy({ headers: { ...headers, 'content-type': type }, limits: LIMITS });
    } catch (cause) {
      reject(broken(cause));
      return;
    }
    parser.on('file', (_name, stream) => {
      file = stream;
      // Its reader hears of it; nobody may be reading yet.
      stream.on('error', () => undefined);
      resolve(stream);
    });
    pipeline(request.body as Readable, parser, (error) => {
      if (!error) resolve(undefined);
      else if (file) file.destroy(error);
      else reject(broken(error));
    });
  });
}
