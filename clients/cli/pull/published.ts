/**
 * The networks of the paper as their makers publish them: where the files are, what is known of them, and how they are
 * meant. To add one, add an entry. Nothing of this is shipped: every file comes from its makers, under their terms.
 */

/** A file to be fetched, checked and kept beside the others. */
export interface PublishedFile {
  readonly url: string;
  /** Its name below the folder of a mirror (`--from`). */
  readonly path: string;
  /** Largest number of bytes that is taken. */
  readonly maxBytes: number;
  /** What its makers, or those who know the file, say of it; hexadecimal. */
  readonly sha1?: string;
  readonly sha256?: string;
  /** Where `url` is an archive (.zip, .tar.gz): the file in it that is wanted. */
  readonly member?: string;
}

interface Named {
  readonly name: string;
  readonly title: string;
  readonly becomes: 'classifier' | 'prior' | 'recogniser';
  readonly licence: string;
}

/** One that can be fetched. */
export interface PublishedModel extends Named {
  readonly becomes: 'classifier' | 'prior';
  /** Definition and weights, in Caffe's format. */
  readonly network: PublishedFile;
  readonly weights: PublishedFile;
  /** Of a classifier. */
  readonly labels?: PublishedFile;
  /** Of a generator: upper bounds of its code. */
  readonly bounds?: PublishedFile;
}

/** One for which there is no address of a file. */
export interface ManualModel extends Named {
  /** Why, and where to look: sentences. */
  readonly manual: string;
  /** Arguments of `neuroreel models import`, for whoever has the files. */
  readonly importing?: readonly string[];
}

/** Per channel, in the order of the channels: what Caffe's networks of ImageNet have subtracted. */
export const CAFFE_PIXELS = { order: 'bgr', mean: [104, 117, 123], scale: 1 } as const;

const MIB = 2 ** 20;
const TEXT = 4 * MIB;
const WEIGHTS = 1024 * MIB;
const ARCHIVE = 8192 * MIB;

/** The repository of the paper "Synthesizing the preferred inputs for neurons .." at one commit; MIT licence. */
const SYNTHESIZING =
  'https://raw.githubusercontent.com/Evolving-AI-Lab/synthesizing/eb7f2e7c6a59476e6dd87eec6e66e847f8ad5a58';

const definition = (path: string, sha256: string): PublishedFile => ({
  url: `${SYNTHESIZING}/${path}`,
  path,
  maxBytes: TEXT,
  sha256,
});

const IMAGENET_LABELS = definition(
  'misc/synset_words.txt',
  'acf75ef0abe89694b19056e0796401068b459c457baa30335f240c7692857355',
);

const BVLC = 'BVLC model: released for unrestricted use';

/** Archive of Dosovitskiy and Brox, "Generating images with perceptual similarity metrics based on deep networks". */
const DEEPSIM = 'release_deepsim_v0';

function generator(layer: string, prototxtSha256: string, bounds: string, boundsSha256: string): PublishedModel {
  return {
    name: `generator-${layer}`,
    title: `Upconvolutional generator of ${layer} codes of CaffeNet`,
    becomes: 'prior',
    licence: 'research only; commercial use needs the consent of its makers (Freiburg)',
    network: definition(`nets/upconv/${layer}/generator.prototxt`, prototxtSha256),
    weights: {
      url: `https://lmb.informatik.uni-freiburg.de/resources/binaries/arxiv2016_alexnet_inversion_with_gans/${DEEPSIM}.zip`,
      path: `${DEEPSIM}.zip`,
      maxBytes: ARCHIVE,
      member: `${DEEPSIM}/${layer}/generator.caffemodel`,
    },
    bounds: definition(`act_range/${bounds}/${layer}.txt`, boundsSha256),
  };
}

export const PUBLISHED: readonly (PublishedModel | ManualModel)[] = [
  {
    name: 'caffenet',
    title: 'CaffeNet, 1000 classes of ImageNet',
    becomes: 'classifier',
    licence: BVLC,
    network: definition(
      'nets/caffenet/caffenet.prototxt',
      'ce4766de5e8c9453176d69896b2159fcabc3e55d2f082bfb3c8903f64ee1538a',
    ),
    weights: {
      url: 'http://dl.caffe.berkeleyvision.org/bvlc_reference_caffenet.caffemodel',
      path: 'bvlc_reference_caffenet.caffemodel',
      maxBytes: WEIGHTS,
      sha1: '4c8d77deb20ea792f84eb5e6d0a11ca0a8660a46',
    },
    labels: IMAGENET_LABELS,
  },
  {
    name: 'googlenet',
    title: 'GoogLeNet, 1000 classes of ImageNet',
    becomes: 'classifier',
    licence: BVLC,
    network: definition(
      'nets/googlenet/bvlc_googlenet_updated.prototxt',
      '7bfcb537b891b99806e605d2cfddba8ff7cf6278f0cbe4ede0c3d09c334f13f2',
    ),
    weights: {
      url: 'http://dl.caffe.berkeleyvision.org/bvlc_googlenet.caffemodel',
      path: 'bvlc_googlenet.caffemodel',
      maxBytes: WEIGHTS,
      sha1: '405fc5acd08a3bb12de8ee5e23a96bec22f08204',
    },
    labels: IMAGENET_LABELS,
  },
  {
    name: 'places205',
    title: 'AlexNet, 205 kinds of places',
    becomes: 'classifier',
    licence: 'none stated: see places.csail.mit.edu',
    network: definition(
      'nets/placesCNN/places205CNN_deploy_updated.prototxt',
      '8aabcb90cee5a9cb3da1a7375c83fd62e93cf1fbedbabbc2fe5078101fd9601d',
    ),
    weights: {
      url: 'http://places.csail.mit.edu/model/placesCNN.tar.gz',
      path: 'placesCNN.tar.gz',
      maxBytes: ARCHIVE,
      member: 'places205CNN_iter_300000.caffemodel',
    },
    labels: definition(
      'misc/categoryIndex_places205.txt',
      '8271d045edeb578fc1d824968e16cc98ada32cbc960dd8a9b2f9b835b7625d18',
    ),
  },
  generator(
    'fc6',
    'af60249fd3125a2f03934652f5bd1539235d15fa045e53c88f9ae44fb2bea06e',
    '3x',
    '615c088ea5beff9c1cd67fe643d8daa5ea7370cb93a70656951b88194a7c65cc',
  ),
  generator(
    'fc7',
    '320ff209847306b31f1a880f1dbff1b1c9cbb39801c3ac6a169aed8fb1e6d897',
    '3x',
    'bae31fe48c26733a09fb61424d499cdcddcf9dc02637523605452e98ce971b41',
  ),
  // Bounds at 3 deviations were never published for pool5.
  generator(
    'pool5',
    '0c3f35c0e0464cf8d818f1e57d73a654adfceabe6701fa3b3af3c8895d7fef40',
    '2x',
    '36d49686fc1ca67974c304b84ac0f1018ed0b4670c00477275c38186e5493c85',
  ),
  {
    name: 'generator-conv',
    title: 'Upconvolutional generators of conv codes of CaffeNet',
    becomes: 'prior',
    licence: 'unknown',
    manual: 'No address is known at which the weights of a generator of conv codes are published.',
  },
  {
    name: 'lrcn',
    title: 'LRCN, RGB, 101 classes of UCF-101',
    becomes: 'recogniser',
    licence: 'none stated: see its page',
    manual:
      'Only a page is published: https://people.eecs.berkeley.edu/~lisa_anne/LRCN_video_weights.html has the weights, ' +
      'RGB_lstm_model_iter_30000.caffemodel; deploy_lstm.prototxt is in examples/LRCN_activity_recognition of ' +
      'https://github.com/LisaAnne/lisa-caffe-public. The command below feeds it as classify_video.py there does.',
    importing: [
      'deploy_lstm.prototxt',
      ...['--weights', 'RGB_lstm_model_iter_30000.caffemodel', '--name', 'lrcn'],
      ...['--order', 'bgr', '--mean', '103.939,116.779,128.68', '--sequence', 'windows:16:8'],
    ],
  },
];
