// Where Storage keeps objects: two files for each, its bytes and what is known of them.
//
// Implements Lite's StorageAdapter. Lite's own one, for its command line, forgets the content
// type and Cache-Control an object was uploaded with.

import { createHash, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

// The objects in one folder.
export class Objects {
  driver = fs;
  #folder;

  constructor(folder) {
    this.#folder = folder;
  }

  async getObject(bucket, key) {
    const metadata = await this.headObject(bucket, key);
    const body = Readable.toWeb(fs.createReadStream(this.#path(bucket, key)));
    return { httpStatusCode: 200, metadata, body };
  }

  async headObject(bucket, key) {
    const text = await fs.promises.readFile(`${this.#path(bucket, key)}.json`, 'utf8');
    const metadata = JSON.parse(text);
    return { ...metadata, lastModified: new Date(metadata.lastModified) };
  }

  async uploadObject(bucket, key, _version, body, mimetype, cacheControl) {
    // Not earlier: it goes with the database, and may have to be made again.
    await fs.promises.mkdir(this.#folder, { recursive: true });
    const path = this.#path(bucket, key);
    const unfinished = `${path}.${randomUUID()}`;
    const hash = createHash('md5');
    const source = body instanceof Uint8Array ? Readable.from([body]) : Readable.fromWeb(body);
    source.on('data', (chunk) => hash.update(chunk));
    try {
      await pipeline(source, fs.createWriteStream(unfinished));
      await fs.promises.rename(unfinished, path);
    } finally {
      await fs.promises.rm(unfinished, { force: true });
    }
    const { size, mtime } = await fs.promises.stat(path);
    const metadata = {
      cacheControl,
      contentLength: size,
      size,
      mimetype,
      lastModified: mtime,
      eTag: `"${hash.digest('hex')}"`,
    };
    await fs.promises.writeFile(`${path}.json`, JSON.stringify(metadata));
    return metadata;
  }

  async copyObject(bucket, key, _version, toBucket, toKey) {
    for (const extension of ['', '.json']) {
      const [from, to] = [this.#path(bucket, key), this.#path(toBucket, toKey)];
      await fs.promises.copyFile(from + extension, to + extension);
    }
    const { eTag, lastModified } = await this.headObject(toBucket, toKey);
    return { httpStatusCode: 200, eTag, lastModified };
  }

  async deleteObject(bucket, key) {
    const path = this.#path(bucket, key);
    await fs.promises.rm(path, { force: true });
    await fs.promises.rm(`${path}.json`, { force: true });
  }

  async deleteObjects(bucket, keys) {
    for (const key of keys) {
      await this.deleteObject(bucket, key);
    }
  }

  async privateAssetUrl(bucket, key) {
    return `file://${this.#path(bucket, key)}`;
  }

  // A key may hold what a file name may not, and one key may be the folder of another.
  #path(bucket, key) {
    return `${this.#folder}/${createHash('sha256').update(`${bucket}/${key}`).digest('hex')}`;
  }
}
