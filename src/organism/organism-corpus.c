#include "organism-corpus.h"

#include <string.h>

#include "bpe-train.h"

/* Streams of the world's seed. */
#define WEB_STREAM 101
#define CHAT_STREAM 102

static const char model_role[] = "model\n";

void
cs_corpus_stream_init (CsCorpusStream *stream,
                       const CsWorld *world,
                       uint64_t seed,
                       bool is_chat,
                       CsChatMix mix)
{
  *stream = (CsCorpusStream){ .world = world, .is_chat = is_chat, .mix = mix };
  cs_random_init (&stream->random, seed, is_chat ? CHAT_STREAM : WEB_STREAM);
}

const CsDocument *
cs_corpus_stream_next (CsCorpusStream *stream)
{
  if (stream->is_chat)
    cs_world_chat_document (stream->world, &stream->random, stream->mix, &stream->document);
  else
    cs_world_web_document (stream->world, &stream->random, &stream->document);
  return &stream->document;
}

void
cs_corpus_stream_clear (CsCorpusStream *stream)
{
  cs_document_clear (&stream->document);
}

/* Whether the turn that begins at byte `role` is the model's. */
static bool
is_model_turn (const char *text, size_t size, size_t role)
{
  size_t n = strlen (model_role);
  return size - role >= n && memcmp (text + role, model_role, n) == 0;
}

/* Weights of a chat document's tokens as targets: a turn of the model lasts from after
 * "<start_of_turn>model\n" up to and with <end_of_turn>. */
static void
weigh_turns (const char *text,
             size_t size,
             const int32_t *ids,
             const CsTokenSpan *spans,
             size_t n,
             const CsTurnWeights *turn,
             float *weights)
{
  size_t content = SIZE_MAX; /* where the model's turn begins, in bytes */
  size_t said = 0;           /* tokens of it so far */
  for (size_t i = 0; i < n; i++)
    {
      if (ids[i] == CS_SPECIAL_START_OF_TURN)
        {
          bool is_model = is_model_turn (text, size, spans[i].end);
          content = is_model ? spans[i].end + strlen (model_role) : SIZE_MAX;
          said = 0;
        }
      bool says = content != SIZE_MAX && spans[i].start >= content;
      weights[i] = (float)(!says ? turn->user : said < CS_OPENING_TOKENS ? turn->opening : 1.0);
      said += says;
      if (ids[i] == CS_SPECIAL_END_OF_TURN)
        content = SIZE_MAX;
    }
}

void
cs_corpus_fill (CsTrainSet *set,
                CsCorpusStream *stream,
                const CsTokenizer *tokenizer,
                size_t n_tokens,
                const CsTurnWeights *turn)
{
  g_autoptr (GArray) ids = g_array_new (false, false, sizeof (int32_t));
  g_autoptr (GArray) spans = g_array_new (false, false, sizeof (CsTokenSpan));
  g_autoptr (GArray) weights = g_array_new (false, false, sizeof (float));
  size_t target = cs_train_set_n_tokens (set) + n_tokens;
  while (cs_train_set_n_tokens (set) < target)
    {
      const CsDocument *document = cs_corpus_stream_next (stream);
      size_t size = strlen (document->text);
      g_array_set_size (ids, 0);
      g_array_set_size (spans, 0);
      cs_tokenizer_encode (tokenizer, document->text, size, true, ids, spans);
      if (stream->is_chat)
        {
          g_array_set_size (weights, ids->len);
          weigh_turns (document->text, size, (const int32_t *)(const void *)ids->data,
                       (const CsTokenSpan *)(const void *)spans->data, ids->len, turn,
                       (float *)(void *)weights->data);
          cs_train_set_add (set, (const int32_t *)(const void *)ids->data,
                            (const float *)(const void *)weights->data, ids->len);
          continue;
        }
      int32_t eos = CS_SPECIAL_EOS;
      g_array_append_val (ids, eos);
      cs_train_set_add (set, (const int32_t *)(const void *)ids->data, NULL, ids->len);
    }
}
