#include "harvest-source.h"

#include "errors.h"

static void
free_corpus (void *corpus)
{
  cs_corpus_free (corpus);
}

bool
cs_source_open (CsSource *source,
                const CsHarvestOptions *options,
                CsTokenizer *tokenizer,
                CsChatTemplate *chat,
                GError **error)
{
  *source = (CsSource){ .tokenizer = tokenizer,
                        .chat = chat,
                        .drop_bos = options->drop_bos,
                        .max_document = options->max_document > 0 ? options->max_document : 1024 };
  source->corpora = g_ptr_array_new_with_free_func (free_corpus);
  source->kinds = g_array_new (FALSE, FALSE, sizeof (uint8_t));
  source->turns = g_array_new (FALSE, FALSE, sizeof (int32_t));
  for (size_t i = 0; options->corpora != NULL && options->corpora[i] != NULL; i++)
    {
      CsCorpus *corpus = cs_corpus_open (options->corpora[i], chat, tokenizer, error);

      if (corpus == NULL)
        return false;
      g_ptr_array_add (source->corpora, corpus);
    }
  if (source->corpora->len >= 1 && source->corpora->len <= 127)
    return true;
  g_set_error (error, CS_ERROR, CS_ERROR_USAGE, "A harvest reads 1 to 127 corpora, not %u.",
               source->corpora->len);
  return false;
}

void
cs_source_clear (CsSource *source)
{
  g_clear_pointer (&source->corpora, g_ptr_array_unref);
  g_clear_pointer (&source->kinds, g_array_unref);
  g_clear_pointer (&source->turns, g_array_unref);
}

char **
cs_source_names (const CsSource *source)
{
  char **names = g_new0 (char *, source->corpora->len + 1);

  for (unsigned i = 0; i < source->corpora->len; i++)
    names[i] = g_strdup (cs_corpus_name (g_ptr_array_index (source->corpora, i)));
  return names;
}

static void
encode (CsSource *source, const CsCorpusDocument *document, GArray *ids, size_t *skip)
{
  int32_t bos = cs_tokenizer_bos_id (source->tokenizer);

  g_array_set_size (ids, 0);
  g_array_set_size (source->kinds, 0);
  g_array_set_size (source->turns, 0);
  cs_corpus_encode (source->tokenizer, document, source->max_document, ids, NULL);
  if (source->wants_kinds && document->rendering != NULL)
    cs_corpus_token_kinds (source->tokenizer, document, (const int32_t *)(const void *)ids->data, ids->len,
                           source->kinds, source->turns);
  *skip = source->drop_bos && bos >= 0 && ids->len > 0 && g_array_index (ids, int32_t, 0) == bos;
}

bool
cs_source_next (CsSource *source, GArray *ids, size_t *skip, int *corpus, GError **error)
{
  unsigned ended = 0;

  while (ended < source->corpora->len)
    {
      size_t turn = source->turn++ % source->corpora->len;
      CsCorpus *from = g_ptr_array_index (source->corpora, turn);
      g_autoptr (GError) local = NULL;
      CsCorpusDocument document;

      if (from == NULL || !cs_corpus_next (from, &document, &local))
        {
          if (local != NULL)
            {
              g_propagate_error (error, g_steal_pointer (&local));
              return false;
            }
          if (from != NULL)
            cs_corpus_free (from);
          source->corpora->pdata[turn] = NULL;
          ended++;
          continue;
        }
      ended = 0;
      encode (source, &document, ids, skip);
      cs_corpus_document_clear (&document);
      *corpus = (int)turn;
      if (ids->len > *skip)
        return true;
    }
  return false;
}
