import { describe, expect, it } from 'vitest';
import { artifactOf, isArtifactName, mediaType } from '../../src/jobs/artifacts.js';

describe('artifacts', () => {
  it('are told with their type, size, hash and address', () => {
    expect(artifactOf('a', { name: 'video.mp4', bytes: 5, sha256: 'ab' })).toEqual({
      name: 'video.mp4',
      bytes: 5,
      type: 'video/mp4',
      url: '/v1/jobs/a/artifacts/video.mp4',
      sha256: 'ab',
    });
  });

  it.each(['../x', '.x', 'a/b', 'a\\b', '', 'a b', 'x'.repeat(129), 'ä'])('have no name like %j', (name) => {
    expect(isArtifactName(name)).toBe(false);
  });

  it('have media types by their names', () => {
    expect(mediaType('REPORT.JSON')).toMatch(/^application\/json/);
    expect(mediaType('page.html')).toMatch(/^text\/html/);
    expect(mediaType('anything.else')).toBe('application/octet-stream');
  });
});
