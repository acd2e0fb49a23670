#include <string.h>

#include <gio/gio.h>
#include <glib/gstdio.h>

#include "../lm/tiny-tokenizer.h"
#include "corpus.h"
#include "errors.h"

static char *folder;
static CsTokenizer *tokenizer;

static char *
write_file (const char *name, const char *text, gssize size)
{
  char *path = g_build_filename (folder, name, NULL);

  g_assert_true (g_file_set_contents (path, text, size, NULL));
  return path;
}

/* gzip of text; free with g_free(). */
static char *
pack (const char *text, size_t *size)
{
  g_autoptr (GZlibCompressor) compressor = g_zlib_compressor_new (G_ZLIB_COMPRESSOR_FORMAT_GZIP, 6);
  gsize capacity = strlen (text) + 1000, taken;
  char *packed = g_malloc (capacity);

  g_assert_cmpint (g_converter_convert (G_CONVERTER (compressor), text, strlen (text), packed,
                                        capacity, G_CONVERTER_INPUT_AT_END, &taken, size, NULL),
                   ==, G_CONVERTER_FINISHED);
  return packed;
}

/* All documents joined by "|", or the error's message. */
static char *
read_all (const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsCorpus) corpus = cs_corpus_open (path, NULL, tokenizer, &error);
  GString *texts = g_string_new (NULL);
  CsCorpusDocument document;

  while (corpus != NULL && cs_corpus_next (corpus, &document, &error))
    {
      g_string_append (texts, document.text);
      g_string_append_c (texts, '|');
      cs_corpus_document_clear (&document);
    }
  if (error == NULL)
    return g_string_free (texts, FALSE);
  g_assert_true (error->domain == CS_ERROR);
  g_string_free (texts, TRUE);
  return g_strdup (error->message);
}

static void
expect (const char *name, const char *content, const char *expected)
{
  g_autofree char *path = write_file (name, content, -1);
  g_autofree char *texts = read_all (path);

  g_assert_cmpstr (texts, ==, expected);
  g_remove (path);
}

static void
expect_error (const char *name, const char *content, gssize size, const char *part)
{
  g_autofree char *path = write_file (name, content, size);
  g_autofree char *texts = read_all (path);

  if (strstr (texts, part) == NULL || strstr (texts, path) == NULL)
    g_error ("%s: “%s” does not say “%s”", name, texts, part);
  g_remove (path);
}

static void
test_text (void)
{
  expect ("a.txt", "one\ntwo\n\n\n three\r\nfour\r\n \t\nfive", "one\ntwo| three\nfour|five|");
  expect ("a.txt", "", "");
  expect ("a.txt", "\n\n \n", "");
  expect ("a.txt", "{\"text\": \"no\"}\n", "{\"text\": \"no\"}|");
  expect_error ("a.txt", "fine\n\nbad\0here\n", 15, "line 3");
}

static void
test_json (void)
{
  expect ("a.jsonl", "{\"text\": \"a\\nb\"}\n\n{\"text\": \"<bos>c\", \"kind\": 3}", "a\nb|c|");
  expect ("corpus", "  {\"text\": \"by content\"}\n", "by content|");
  expect ("corpus", "plain\n", "plain|");
  expect_error ("a.jsonl", "{\"text\": \"a\"}\n{\"text\": \"b\"\n", -1, "line 2");
  expect_error ("a.jsonl", "{\"text\": \"a\"}\n\n{\"txt\": \"b\"}\n", -1, "line 3");
  expect_error ("a.jsonl", "[1]\n", -1, "line 1");
  expect_error ("a.jsonl", "{\"text\": 4}\n", -1, "line 1");
  expect_error ("a.jsonl", "{\"messages\": [{\"role\": \"user\", \"content\": \"x\"}]}\n", -1,
                "template");
  expect_error ("a.jsonl", "{\"messages\": []}\n", -1, "“messages”");
  expect_error (
      "a.jsonl",
      "{\"text\": \"abc\", \"spans\": [{\"start\": 1, \"end\": 4, \"concept\": \"c\"}]}\n", -1,
      "“spans”");
  expect_error (
      "a.jsonl",
      "{\"text\": \"abc\", \"spans\": [{\"start\": 2, \"end\": 1, \"concept\": \"c\"}]}\n", -1,
      "“spans”");
  expect_error ("a.jsonl", "{\"text\": \"abc\", \"spans\": 3}\n", -1, "“spans”");
}

static void
test_spans (void)
{
  g_autofree char *path =
      write_file ("spans.jsonl",
                  "{\"text\": \"<bos>hello you\", \"messages\": [{}], \"spans\": [{\"start\": 5, "
                  "\"end\": 10, \"concept\": \"greeting\","
                  " \"model-side\": true}, {\"start\": 0, \"end\": 5, \"concept\": \"x\"}]}\n",
                  -1);
  g_autoptr (GError) error = NULL;
  g_autoptr (CsCorpus) corpus = cs_corpus_open (path, NULL, tokenizer, &error);
  CsCorpusDocument document;

  g_assert_cmpstr (cs_corpus_name (corpus), ==, "spans");
  g_assert_true (cs_corpus_next (corpus, &document, &error));
  g_assert_cmpstr (document.text, ==, "hello you");
  g_assert_true (document.is_chat);
  g_assert_cmpuint (document.spans->len, ==, 2);
  g_assert_cmpuint (g_array_index (document.spans, CsSpan, 0).start, ==, 0);
  g_assert_cmpuint (g_array_index (document.spans, CsSpan, 0).end, ==, 5);
  g_assert_true (g_array_index (document.spans, CsSpan, 0).model_side);
  g_assert_cmpuint (g_array_index (document.spans, CsSpan, 1).end, ==, 0);
  g_assert_false (g_array_index (document.spans, CsSpan, 1).model_side);
  cs_corpus_document_clear (&document);
  g_assert_false (cs_corpus_next (corpus, &document, &error));
  g_assert_no_error (error);
  g_remove (path);
}

/* Packed, packed in two members, and packed so well that the output does not fit into a block; and
 * cut short. */
static void
test_gzip (void)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GString) expected = g_string_new (NULL);
  g_autoptr (GByteArray) twice = g_byte_array_new ();
  g_autofree char *packed = NULL;
  g_autofree char *path = NULL;
  g_autofree char *once_read = NULL;
  g_autofree char *twice_read = NULL;
  size_t size, n_documents = 40000;

  for (size_t i = 0; i < n_documents; i++)
    {
      g_string_append (text, "{\"text\": \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}\n");
      g_string_append (expected, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa|");
    }
  packed = pack (text->str, &size);
  path = write_file ("packed.jsonl.gz", packed, (gssize)size);
  once_read = read_all (path);
  g_assert_true (strcmp (once_read, expected->str) == 0);
  g_free (path);
  g_byte_array_append (twice, (const guint8 *)packed, (guint)size);
  g_byte_array_append (twice, (const guint8 *)packed, (guint)size);
  path = write_file ("packed.jsonl.gz", (const char *)twice->data, (gssize)twice->len);
  twice_read = read_all (path);
  g_assert_cmpuint (strlen (twice_read), ==, 2 * expected->len);
  g_remove (path);
  for (size_t cut = 20; cut < size; cut += size / 5)
    expect_error ("packed.jsonl.gz", packed, (gssize)cut, "line");
  packed[size / 2] ^= 0x55;
  expect_error ("packed.jsonl.gz", packed, (gssize)size, "line");
}

/* BOS once, and the cut counts it. */
static void
test_encode (void)
{
  CsCorpusDocument document = { .text = g_strdup ("the thing") };
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (int32_t));
  g_autoptr (GArray) spans = g_array_new (FALSE, FALSE, sizeof (CsTokenSpan));

  cs_corpus_encode (tokenizer, &document, 100, ids, spans);
  g_assert_cmpuint (ids->len, ==, spans->len);
  g_assert_cmpuint (ids->len, >, 3);
  g_assert_cmpint (g_array_index (ids, int32_t, 0), ==, 300);
  g_assert_cmpint (g_array_index (ids, int32_t, 1), ==, 257);
  g_assert_cmpuint (g_array_index (spans, CsTokenSpan, 0).end, ==, 0);
  g_assert_cmpuint (g_array_index (spans, CsTokenSpan, 1).end, ==, 3);
  g_free (document.text);
  document.text = g_strdup ("<bos>the thing");
  g_array_set_size (ids, 0);
  cs_corpus_encode (tokenizer, &document, 3, ids, spans);
  g_assert_cmpuint (ids->len, ==, 3);
  g_assert_cmpint (g_array_index (ids, int32_t, 0), ==, 300);
  g_assert_cmpint (g_array_index (ids, int32_t, 1), ==, 257);
  g_free (document.text);
}

static void
test_missing (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (cs_corpus_open ("/nowhere/corpus.txt", NULL, tokenizer, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_IO);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (json_t) json = tiny_tokenizer_json ();
  char *model;
  int status;

  g_test_init (&argc, &argv, NULL);
  folder = g_dir_make_tmp ("crosscope-corpus-XXXXXX", NULL);
  model = tiny_folder_new (json, "{\"bos_token\": \"<bos>\"}");
  tokenizer = cs_tokenizer_open (model, &error);
  g_assert_no_error (error);
  tiny_folder_remove (model);
  g_test_add_func ("/corpus/text", test_text);
  g_test_add_func ("/corpus/json", test_json);
  g_test_add_func ("/corpus/spans", test_spans);
  g_test_add_func ("/corpus/gzip", test_gzip);
  g_test_add_func ("/corpus/encode", test_encode);
  g_test_add_func ("/corpus/missing", test_missing);
  status = g_test_run ();
  cs_tokenizer_unref (tokenizer);
  g_rmdir (folder);
  g_free (folder);
  return status;
}
