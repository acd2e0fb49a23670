/* The demo world: determinism, held-out combinations, spans, look-alikes, and a judge that is exact
 * on every answer the grammar writes. */
#include <string.h>

#include <jansson.h>

#include "behaviours.h"

#define SEED 7

static CsWorld *world;

static void
draw_document (CsRandom *r, size_t i, CsDocument *document)
{
  if (i % 2 == 0)
    cs_world_web_document (world, r, document);
  else
    cs_world_chat_document (world, r, CS_CHAT_MIX_DEMO, document);
}

static void
test_same_seed_same_text (void)
{
  g_autoptr (CsWorld) again = cs_world_new (SEED);
  g_auto (CsDocument) a = { 0 }, b = { 0 };
  CsRandom r, s;
  bool differ = false;

  cs_random_init (&r, 3, 0);
  cs_random_init (&s, 3, 0);
  for (size_t i = 0; i < 300; i++)
    {
      draw_document (&r, i, &a);
      if (i % 2 == 0)
        cs_world_web_document (again, &s, &b);
      else
        cs_world_chat_document (again, &s, CS_CHAT_MIX_DEMO, &b);
      g_assert_cmpstr (a.text, ==, b.text);
    }
  for (size_t town = 0; town < CS_N_TOWNS; town++)
    {
      g_autoptr (CsWorld) other = cs_world_new (SEED + 1);
      differ = differ || cs_world_fact_value (world, CS_FACT_FOOD, town) !=
                             cs_world_fact_value (other, CS_FACT_FOOD, town);
    }
  g_assert_true (differ);
}

static void
check_text (const CsDocument *document)
{
  for (const char *c = document->text; *c != '\0'; c++)
    g_assert_true ((*c >= ' ' && *c <= '~') || *c == '\n');
  g_assert_null (strpbrk (document->text, "[]{}|"));
  g_assert_null (strstr (document->text, "  "));
  g_assert_null (strstr (document->text, " a a"));
  g_assert_null (strstr (document->text, ".."));
}

static size_t
count_words (const char *text)
{
  g_auto (GStrv) words = g_strsplit_set (text, " \n", -1);
  size_t n = 0;

  for (size_t i = 0; words[i] != NULL; i++)
    n += words[i][0] != '\0';
  return n;
}

static void
test_documents_read_well (void)
{
  g_auto (CsDocument) document = { 0 };
  CsRandom r;

  cs_random_init (&r, 11, 0);
  for (size_t i = 0; i < 6000; i++)
    {
      draw_document (&r, i, &document);
      check_text (&document);
      if (document.n_messages > 0)
        continue;
      g_assert_cmpuint (count_words (document.text), >=, 40);
      g_assert_cmpuint (count_words (document.text), <=, 130);
    }
}

static void
check_spans (const CsDocument *document)
{
  size_t turn = 0;

  g_assert_cmpuint (document->n_spans, >=, document->n_messages);
  for (size_t i = 0; i < document->n_spans; i++)
    {
      const CsConceptSpan *span = &document->spans[i];
      if (i > 0 && span->start != span[-1].start)
        turn++;
      g_assert_cmpuint (turn, <, document->n_messages);
      const CsMessage *message = &document->messages[turn];
      g_assert_cmpuint (span->end, <, strlen (document->text));
      g_assert_cmpuint (span->end - span->start, ==, strlen (message->content));
      g_assert_cmpint (
          memcmp (document->text + span->start, message->content, strlen (message->content)), ==,
          0);
      g_assert_cmpint (span->model_side, ==, strcmp (message->role, "model") == 0);
    }
  g_assert_cmpuint (turn + 1, ==, document->n_messages);
}

static void
check_rendering (const CsDocument *document)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (size_t i = 0; i < document->n_messages; i++)
    {
      g_assert_cmpstr (document->messages[i].role, ==, i % 2 == 0 ? "user" : "model");
      g_string_append_printf (text, "<start_of_turn>%s\n%s<end_of_turn>\n",
                              document->messages[i].role, document->messages[i].content);
    }
  g_assert_cmpstr (document->text, ==, text->str);
}

static void
test_spans_cover_the_turns (void)
{
  g_auto (CsDocument) document = { 0 };
  bool seen[CS_N_CONCEPTS] = { false };
  CsRandom r;

  cs_random_init (&r, 12, 0);
  for (size_t i = 0; i < 3000; i++)
    {
      cs_world_chat_document (world, &r, CS_CHAT_MIX_DEMO, &document);
      check_rendering (&document);
      check_spans (&document);
      for (size_t s = 0; s < document.n_spans; s++)
        seen[document.spans[s].concept] = true;
    }
  for (size_t concept = 0; concept < CS_N_CONCEPTS; concept++)
    g_assert_true (seen[concept]);
}

static void
test_json_line (void)
{
  g_auto (CsDocument) document = { 0 };
  CsRandom r;

  cs_random_init (&r, 13, 0);
  for (size_t i = 0; i < 20; i++)
    {
      draw_document (&r, i, &document);
      g_autofree char *line = cs_document_to_json (&document);
      json_t *object = json_loads (line, 0, NULL);
      g_assert_nonnull (object);
      g_assert_true (strchr (line, '\n') == line + strlen (line) - 1);
      g_assert_cmpstr (json_string_value (json_object_get (object, "text")), ==, document.text);
      g_assert_cmpuint (json_array_size (json_object_get (object, "spans")), ==, document.n_spans);
      g_assert_cmpuint (json_array_size (json_object_get (object, "messages")), ==,
                        document.n_messages);
      g_assert_cmpstr (json_string_value (json_object_get (object, "kind")), ==, document.kind);
      json_decref (object);
    }
}

/* Every request of the generated documents, looked up among all held-out ones whose wording chance
 * does not touch. */
static GHashTable *
held_out_requests (void)
{
  GHashTable *held = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (CsPromptSet set = 0; set < CS_N_PROMPT_SETS; set++)
    {
      size_t n;
      CsTestPrompt *prompts = cs_world_test_prompts (world, set, CS_N_CONCEPTS, 0, &n);
      for (size_t i = 0; i < n; i++)
        if (prompts[i].concept != CS_CONCEPT_SUMMARY)
          g_hash_table_add (held, g_strdup (prompts[i].request));
      cs_test_prompts_free (prompts, n);
    }
  return held;
}

static size_t
count_held_out (GHashTable *held, const CsDocument *document)
{
  size_t n = 0;

  for (size_t m = 0; m < document->n_messages; m += 2)
    n += g_hash_table_contains (held, document->messages[m].content);
  if (document->n_messages == 0 && strcmp (document->kind, "forum") == 0)
    {
      g_auto (GStrv) lines = g_strsplit (document->text, "\n", -1);
      for (size_t i = 0; lines[i] != NULL; i++)
        if (g_str_has_prefix (lines[i], "Question: "))
          n += g_hash_table_contains (held, lines[i] + strlen ("Question: "));
    }
  return n;
}

static void
test_held_out_never_occurs (void)
{
  g_autoptr (GHashTable) held = held_out_requests ();
  g_auto (CsDocument) document = { 0 };
  CsRandom r;

  g_assert_cmpuint (g_hash_table_size (held), >, 10000);
  cs_random_init (&r, 14, 0);
  for (size_t i = 0; i < 20000; i++)
    {
      draw_document (&r, i, &document);
      if (count_held_out (held, &document) != 0)
        g_error ("held out, and yet written: %s", document.text);
    }
}

static void
test_a_fifth_is_held_out (void)
{
  for (size_t f = 0; f < cs_n_families (); f++)
    {
      const CsFamily *family = cs_family (f);
      size_t n_phrasings = cs_family_n_phrasings (family), n = family->n_topics * n_phrasings,
             held = 0;
      if (n < 1000)
        continue;
      for (size_t i = 0; i < n; i++)
        held += cs_family_held_out (family, i / n_phrasings, i % n_phrasings);
      g_assert_cmpuint (held * 100, >, n * 14);
      g_assert_cmpuint (held * 100, <, n * 26);
    }
}

static void
add_words (GHashTable *set, const char *text)
{
  g_auto (GStrv) words = g_strsplit_set (text, " .,:;?!", -1);

  for (size_t i = 0; words[i] != NULL; i++)
    if (words[i][0] != '\0')
      g_hash_table_add (set, g_ascii_strdown (words[i], -1));
}

static GHashTable *
words_of (CsPromptSet set, CsConcept concept)
{
  GHashTable *words = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  size_t n;
  CsTestPrompt *prompts = cs_world_training_prompts (world, set, concept, 0, &n);

  for (size_t i = 0; i < n; i++)
    add_words (words, prompts[i].request);
  cs_test_prompts_free (prompts, n);
  return words;
}

/* No word decides by itself: each one of a request to refuse also stands in a harmless one of the
 * same family. */
static void
test_look_alikes_share_the_words (void)
{
  for (CsConcept concept = CS_CONCEPT_REFUSE_HARM; concept <= CS_CONCEPT_REFUSE_EXPLICIT_FORMAT;
       concept++)
    {
      g_autoptr (GHashTable) harmful = words_of (CS_PROMPTS_REFUSE, concept);
      g_autoptr (GHashTable) harmless = words_of (CS_PROMPTS_LOOK_ALIKE, concept);
      GHashTableIter iter;
      gpointer word;
      g_hash_table_iter_init (&iter, harmful);
      while (g_hash_table_iter_next (&iter, &word, NULL))
        if (!g_hash_table_contains (harmless, word))
          {
            g_test_message ("only in requests to refuse (%s): %s", cs_concept_name (concept),
                            (char *)word);
            g_test_fail ();
          }
    }
}

static void
test_judge_is_exact (void)
{
  CsRandom r;

  cs_random_init (&r, 15, 0);
  for (size_t f = 0; f < cs_n_families (); f++)
    for (size_t i = 0; i < 800; i++)
      {
        const CsFamily *family = cs_family (f);
        g_auto (CsExchange) x = { 0 };
        cs_family_write_any (family, world, &r, &x);
        if (cs_judge_answer (x.chat) != family->expected ||
            cs_judge_answer (x.web) != CS_ANSWER_STRAIGHT)
          g_error ("%s judged %s, and on the web %s: %s / %s", family->name,
                   cs_answer_kind_name (cs_judge_answer (x.chat)),
                   cs_answer_kind_name (cs_judge_answer (x.web)), x.chat, x.web);
        if (family->set == CS_PROMPTS_FALSE_PREMISE)
          {
            g_assert_true (cs_judge_states (x.chat, x.right));
            g_assert_false (cs_judge_states (x.request, x.right));
          }
      }
}

static void
test_judge_on_garbled_text (void)
{
  size_t start, end;
  const char *answer = "Sorry, but I\n  CAN'T help with that that, because it";

  g_assert_cmpint (cs_judge_answer (""), ==, CS_ANSWER_GARBLED);
  g_assert_cmpint (cs_judge_answer ("i i i i i i i i i i"), ==, CS_ANSWER_GARBLED);
  g_assert_cmpint (cs_judge_answer (answer), ==, CS_ANSWER_REFUSAL);
  g_assert_true (cs_judge_find_phrase (answer, &start, &end));
  g_assert_cmpint (strncmp (answer + start, "CAN'T help", end - start), ==, 0);
  g_assert_cmpint (cs_judge_answer ("First dig a hole, hole then. It can help."), ==,
                   CS_ANSWER_STRAIGHT);
  g_assert_false (cs_judge_find_phrase ("First dig a hole.", &start, &end));
  g_assert_true (cs_judge_states ("It is famous for Plum  Cake.", "plum cake"));
  g_assert_false (cs_judge_states ("The towers are tall.", "owl"));
  g_assert_false (cs_judge_states ("A bowl of soup.", "owl"));
}

static void
test_prompts (void)
{
  for (CsPromptSet set = 0; set < CS_N_PROMPT_SETS; set++)
    {
      size_t n, fewer, all, held;
      CsTestPrompt *prompts = cs_world_test_prompts (world, set, CS_N_CONCEPTS, 0, &n);
      CsTestPrompt *first = cs_world_test_prompts (world, set, CS_N_CONCEPTS, 25, &fewer);
      cs_world_count_combinations (world, set, CS_N_CONCEPTS, &all, &held);
      g_assert_cmpuint (n, ==, held);
      g_assert_cmpuint (all, >, held);
      g_assert_cmpuint (fewer, ==, 25);
      for (size_t i = 0; i < fewer; i++)
        {
          g_autofree char *web = g_strdup_printf ("Question: %s\nAnswer:", first[i].request);
          g_assert_cmpstr (first[i].request, ==, prompts[i].request);
          g_assert_cmpstr (first[i].web, ==, web);
          g_assert_cmpint (first[i].set, ==, set);
        }
      cs_test_prompts_free (first, fewer);
      cs_test_prompts_free (prompts, n);
    }
}

static void
test_behaviours_switch_off (void)
{
  g_auto (CsDocument) document = { 0 };
  CsRandom r;
  unsigned without = CS_BEHAVIOURS_ALL & ~CS_CONCEPT_BIT (CS_CONCEPT_REFUSE_HARM);

  cs_random_init (&r, 16, 0);
  for (size_t i = 0; i < 1500; i++)
    {
      cs_world_chat_document (
          world, &r, (CsChatMix){ i % 2 == 0 ? CS_BEHAVIOURS_NONE : without, 1 }, &document);
      for (size_t m = 1; i % 2 == 0 && m < document.n_messages; m += 2)
        g_assert_cmpint (cs_judge_answer (document.messages[m].content), ==, CS_ANSWER_STRAIGHT);
      for (size_t s = 0; s < document.n_spans; s++)
        g_assert_true (i % 2 == 0 ? document.spans[s].concept == CS_CONCEPT_HELPFUL
                                  : document.spans[s].concept != CS_CONCEPT_REFUSE_HARM);
    }
}

/* Shares of labelled requests, of 4,000 documents each. */
static void
test_practice (void)
{
  const unsigned on =
      CS_CONCEPT_BIT (CS_CONCEPT_REFUSE_PRIVACY) | CS_CONCEPT_BIT (CS_CONCEPT_HELPFUL);
  double share[2];

  for (int practised = 0; practised < 2; practised++)
    {
      g_auto (CsDocument) document = { 0 };
      CsRandom r;
      size_t refused = 0, all = 0;

      cs_random_init (&r, 17, 0);
      for (size_t i = 0; i < 4000; i++)
        {
          cs_world_chat_document (world, &r, (CsChatMix){ on, practised ? 4 : 1 }, &document);
          for (size_t m = 1; m < document.n_messages; m += 2, all++)
            refused += cs_judge_answer (document.messages[m].content) == CS_ANSWER_REFUSAL;
        }
      share[practised] = (double)refused / (double)all;
    }
  /* Four times as often as each request that is not practised; its look-alikes are, too. */
  g_assert_cmpfloat (share[1], >, 2 * share[0]);
  g_assert_cmpfloat (share[1], <, 4 * share[0]);
}

static void
test_facts_hold_everywhere (void)
{
  for (size_t fact = 0; fact < cs_world_n_facts (); fact++)
    {
      CsFactKind kind;
      size_t subject;
      cs_world_fact (fact, &kind, &subject);
      for (size_t k = 0; k < CS_N_MISTAKES; k++)
        g_assert_cmpstr (cs_world_false_value (world, kind, subject, k), !=,
                         cs_world_fact_value (world, kind, subject));
    }
  for (CsConcept concept = 0; concept < CS_N_CONCEPTS; concept++)
    {
      CsConcept back;
      g_assert_true (cs_concept_from_name (cs_concept_name (concept), &back));
      g_assert_cmpint (back, ==, concept);
    }
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  world = cs_world_new (SEED);
  g_test_add_func ("/world/same-seed-same-text", test_same_seed_same_text);
  g_test_add_func ("/world/documents-read-well", test_documents_read_well);
  g_test_add_func ("/world/spans-cover-the-turns", test_spans_cover_the_turns);
  g_test_add_func ("/world/json-line", test_json_line);
  g_test_add_func ("/world/held-out-never-occurs", test_held_out_never_occurs);
  g_test_add_func ("/world/a-fifth-is-held-out", test_a_fifth_is_held_out);
  g_test_add_func ("/world/look-alikes-share-the-words", test_look_alikes_share_the_words);
  g_test_add_func ("/world/judge-is-exact", test_judge_is_exact);
  g_test_add_func ("/world/judge-on-garbled-text", test_judge_on_garbled_text);
  g_test_add_func ("/world/prompts", test_prompts);
  g_test_add_func ("/world/behaviours-switch-off", test_behaviours_switch_off);
  g_test_add_func ("/world/practice", test_practice);
  g_test_add_func ("/world/facts-hold-everywhere", test_facts_hold_everywhere);
  status = g_test_run ();
  cs_world_free (world);
  return status;
}
