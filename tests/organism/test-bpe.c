#include <glib/gstdio.h>
#include <string.h>

#include "bpe-train.h"
#include "json.h"
#include "tokenizer.h"

static const char *const texts[] = {
  "The baker of Orlen sells plum cake. The baker's cake isn't cheap: 12 coins, they say.\n",
  "Orlen sells cake, cake, cake!\n\n  The baker   says: \"12 + 30 = 42\".\n",
  "<start_of_turn>user\nWho sells cake?<end_of_turn>\n<start_of_turn>model\nThe baker "
  "does.<end_of_turn>\n",
};

static GArray *
train_sample (size_t vocab_size)
{
  g_autoptr (CsBpeTrainer) trainer = cs_bpe_trainer_new ();
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    cs_bpe_trainer_add (trainer, texts[i]);
  cs_bpe_trainer_add (trainer, "not UTF-8: \xff\xfe");
  return cs_bpe_trainer_run (trainer, vocab_size);
}

/* " cake" occurs five times and nothing longer or more often. */
static void
test_merges (void)
{
  g_autoptr (GArray) merges = train_sample (400);
  g_autoptr (GArray) again = train_sample (400);
  g_assert_cmpuint (merges->len, >, 20);
  g_assert_cmpuint (merges->len, <=, 400 - CS_N_SPECIALS - 256);
  g_assert_cmpmem (merges->data, merges->len * sizeof (CsBpeMerge), again->data,
                   again->len * sizeof (CsBpeMerge));
  for (size_t i = 0; i < merges->len; i++)
    {
      CsBpeMerge merge = g_array_index (merges, CsBpeMerge, i);
      g_assert_cmpint (merge.left, <, CS_N_SPECIALS + 256 + (int)i);
      g_assert_cmpint (merge.right, <, CS_N_SPECIALS + 256 + (int)i);
      g_assert_cmpint (merge.left, >=, CS_N_SPECIALS);
    }
  /* Nothing occurs twice any more long before this many. */
  g_autoptr (GArray) all = train_sample (4000);
  g_assert_cmpuint (all->len, <, 200);
}

static char *
save_sample (void)
{
  char *folder = g_dir_make_tmp ("crosscope-bpe-XXXXXX", NULL);
  g_autoptr (GArray) merges = train_sample (330);
  g_autoptr (GError) error = NULL;
  cs_bpe_save (merges, folder, true, &error);
  g_assert_no_error (error);
  return folder;
}

static void
remove_folder (char *folder)
{
  const char *const names[] = { "tokenizer.json", "tokenizer_config.json",
                                "special_tokens_map.json" };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (folder, names[i], NULL);
      g_assert_cmpint (g_remove (path), ==, 0);
    }
  g_assert_cmpint (g_rmdir (folder), ==, 0);
  g_free (folder);
}

/* What was written is what the tokenizer reads: ids, spellings and round trips. */
static void
test_tokenizer_opens (void)
{
  char *folder = save_sample ();
  g_autoptr (GError) error = NULL;
  g_autoptr (CsTokenizer) tokenizer = cs_tokenizer_open (folder, &error);
  g_assert_no_error (error);
  g_assert_cmpint (cs_tokenizer_bos_id (tokenizer), ==, CS_SPECIAL_BOS);
  for (int i = 0; i < CS_N_SPECIALS; i++)
    {
      g_assert_cmpint (cs_tokenizer_find (tokenizer, cs_bpe_special_names[i]), ==, i);
      g_assert_true (cs_tokenizer_is_special (tokenizer, i));
    }
  g_assert_cmpstr (cs_tokenizer_spelling (tokenizer, CS_N_SPECIALS), ==, "!");
  g_assert_cmpint (cs_tokenizer_find (tokenizer, "Ġcake"), >=, CS_N_SPECIALS + 256);
  g_assert_cmpstr (cs_tokenizer_special (tokenizer, "bos_token"), ==, "<bos>");
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GArray) ids = g_array_new (false, false, sizeof (int32_t));
      cs_tokenizer_encode (tokenizer, texts[i], strlen (texts[i]), false, ids, NULL);
      g_assert_cmpuint (ids->len, <, strlen (texts[i]));
      g_autofree char *back =
          cs_tokenizer_decode (tokenizer, (int32_t *)(void *)ids->data, ids->len, false);
      g_assert_cmpstr (back, ==, texts[i]);
    }
  remove_folder (folder);
}

/* Digits stay single and the apostrophe is cut off, as the pattern says. */
static void
test_pieces (void)
{
  char *folder = save_sample ();
  g_autoptr (CsTokenizer) tokenizer = cs_tokenizer_open (folder, NULL);
  g_autoptr (GArray) ids = g_array_new (false, false, sizeof (int32_t));
  const char *text = " 12 baker's";
  cs_tokenizer_encode (tokenizer, text, strlen (text), true, ids, NULL);
  const char *const expected[] = { "<bos>", "Ġ", "1", "2", "Ġbaker", "'", "s" };
  g_autoptr (GString) found = g_string_new (NULL);
  for (size_t i = 0; i < ids->len; i++)
    g_string_append (found, cs_tokenizer_spelling (tokenizer, g_array_index (ids, int32_t, i)));
  g_autoptr (GString) whole = g_string_new (NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (expected); i++)
    g_string_append (whole, expected[i]);
  g_assert_cmpstr (found->str, ==, whole->str);
  /* "1" and "2" never merge although "12" occurs twice. */
  g_assert_cmpint (cs_tokenizer_find (tokenizer, "12"), ==, -1);
  g_assert_cmpint (cs_tokenizer_find (tokenizer, "Ġ12"), ==, -1);
  remove_folder (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/bpe/merges", test_merges);
  g_test_add_func ("/bpe/tokenizer-opens", test_tokenizer_opens);
  g_test_add_func ("/bpe/pieces", test_pieces);
  return g_test_run ();
}
