/* Any bytes as a corpus, of lines of JSON, of packed lines and of plain text: documents, or a sentence. */
#include <string.h>

#include "corpus.h"
#include "fuzz-file.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check_document (const CsCorpusDocument *document)
{
  g_assert (document->text != NULL); /* plain text may hold any bytes: the tokenizer reads them as U+FFFD */
  for (guint i = 0; document->spans != NULL && i < document->spans->len; i++)
    {
      const CsSpan *span = &g_array_index (document->spans, CsSpan, i);
      g_assert (span->start <= span->end && span->end <= strlen (document->text));
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const char *const names[] = { "input.jsonl", "input.jsonl.gz", "input.txt" };

  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = fuzz_write (names[i], data, size);
      g_autoptr (GError) error = NULL;
      g_autoptr (CsCorpus) corpus = cs_corpus_open (path, NULL, NULL, &error);
      CsCorpusDocument document = { 0 };

      g_assert ((corpus == NULL) == (error != NULL));
      while (corpus != NULL && cs_corpus_next (corpus, &document, &error))
        {
          check_document (&document);
          cs_corpus_document_clear (&document);
        }
    }
  return 0;
}
