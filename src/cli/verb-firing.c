/* firing. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "errors.h"
#include "harvest.h"
#include "pair-words.h"
#include "prompt-firing.h"
#include "run-layer.h"

static int run_firing (int argc, char **argv);

const CsVerb cs_verbs_firing[] = {
  { "firing",
    "RUN " CS_PAIR_USAGE " --prompt TEXT [--raw] [--position N] [--by activation|difference] "
    "[--top N] [--layer L] [--json]",
    "Which latents fire on a prompt, and where", run_firing },
  { NULL, NULL, NULL, NULL },
};

typedef struct
{
  CsPairWords pair;
  char *prompt, *by;
  gint64 position, top, layer;
  gboolean raw, json;
} Words;

static void
words_clear (Words *w)
{
  cs_pair_words_clear (&w->pair);
  g_free (w->prompt);
  g_free (w->by);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Words, words_clear)

typedef struct
{
  const char *run;
  const Words *words;
  CsFiringRank rank;
  CsTokenizer *tokenizer;
  GArray *ids, *kinds; /* int32_t, uint8_t */
  GArray *firing;      /* CsPromptFiring */
} Found;

static void
found_clear (Found *found)
{
  g_clear_pointer (&found->tokenizer, cs_tokenizer_unref);
  g_clear_pointer (&found->ids, g_array_unref);
  g_clear_pointer (&found->kinds, g_array_unref);
  g_clear_pointer (&found->firing, g_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Found, found_clear)

static bool
firing_job (CsJob *job, void *data, GError **error)
{
  Found *found = data;
  const Words *w = found->words;
  size_t layer = w->layer < 0 ? cs_cli_layer_of_run (found->run) : (size_t)w->layer;
  g_autoptr (CsCrosscoder) cc = cs_crosscoder_load (found->run, error);
  g_autoptr (CsTeam) team = cs_team_new (0);
  g_autoptr (CsPair) pair = cc != NULL ? cs_pair_words_open (&w->pair, found->run, error) : NULL;
  size_t first = 0, end;

  if (pair == NULL ||
      !cs_steer_prompt (pair, w->prompt, !w->raw, found->ids, found->kinds, error))
    return false;
  if (layer == CS_LAYER_MIDDLE)
    layer = cs_layer_middle (cs_model_config (pair->model[0])->n_layers);
  end = found->ids->len;
  if (w->position >= (gint64)end)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
                   "The prompt has tokens 0 to %zu, and no %" G_GINT64_FORMAT ": choose one of those.",
                   end - 1, w->position);
      return false;
    }
  if (w->position >= 0)
    first = (size_t)w->position, end = first + 1;
  found->tokenizer = cs_tokenizer_ref (pair->tokenizer);
  found->firing =
      cs_prompt_firing (pair, cc, team, layer, (const int32_t *)(void *)found->ids->data,
                        w->position < 0 ? (const uint8_t *)found->kinds->data : NULL,
                        found->ids->len, first, end, error);
  if (found->firing == NULL)
    return false;
  cs_prompt_firing_sort (found->firing, found->rank);
  if (w->top > 0 && found->firing->len > (guint64)w->top)
    g_array_set_size (found->firing, (guint)w->top);
  return true;
}

static char *
token_text (const Found *found, size_t position)
{
  const int32_t id = g_array_index (found->ids, int32_t, position);
  g_autofree char *text = cs_tokenizer_decode (found->tokenizer, &id, 1, false);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  return g_strjoinv ("↵", lines);
}

static void
print_one (const Found *found, const CsPromptFiring *f)
{
  const size_t position = cs_prompt_firing_position (f, found->rank);
  g_autofree char *token = token_text (found, position);

  if (found->words->json)
    cs_cli_print_json (json_pack (
        "{s:I, s:o, s:I, s:o, s:I, s:o}", "latent", (json_int_t)f->latent, "activation",
        cs_cli_real (f->activation), "activation_position", (json_int_t)f->activation_position,
        "difference", cs_cli_real (f->difference), "difference_position",
        (json_int_t)f->difference_position, "token", cs_cli_string (token)));
  else
    printf ("%7zu  %10.4g  %13.4g  %5zu  “%s”\n", f->latent, f->activation, f->difference, position,
            token);
}

static int
run_firing (int argc, char **argv)
{
  g_auto (Words) w = { .position = -1, .top = 20, .layer = -1 };
  const GOptionEntry entries[] = {
    CS_PAIR_ENTRIES (&w.pair),
    { "prompt", 0, 0, G_OPTION_ARG_FILENAME, &w.prompt, NULL, NULL },
    { "by", 0, 0, G_OPTION_ARG_FILENAME, &w.by, NULL, NULL },
    { "position", 0, 0, G_OPTION_ARG_INT64, &w.position, NULL, NULL },
    { "top", 0, 0, G_OPTION_ARG_INT64, &w.top, NULL, NULL },
    { "layer", 0, 0, G_OPTION_ARG_INT64, &w.layer, NULL, NULL },
    { "raw", 0, 0, G_OPTION_ARG_NONE, &w.raw, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &w.json, NULL, NULL },
    { NULL },
  };
  g_auto (Found) found = { .words = &w };
  int status;

  if (!cs_cli_parse (&argc, &argv, &cs_verbs_firing[0], entries, 1, 1, &status))
    return status;
  if (w.pair.base == NULL || w.pair.chat == NULL || w.prompt == NULL || w.position < -1 || w.top < 0 ||
      w.layer < -1)
    return cs_cli_usage (&cs_verbs_firing[0], "--base, --chat and --prompt are needed; --position, "
                                              "--top and --layer cannot be negative.");
  if (w.by != NULL && strcmp (w.by, "activation") != 0 && strcmp (w.by, "difference") != 0)
    return cs_cli_usage (&cs_verbs_firing[0], "--by is activation or difference.");
  found.run = argv[1];
  found.rank = w.by != NULL && *w.by == 'd' ? CS_FIRING_BY_DIFFERENCE : CS_FIRING_BY_ACTIVATION;
  found.ids = g_array_new (FALSE, FALSE, sizeof (int32_t));
  found.kinds = g_array_new (FALSE, FALSE, sizeof (uint8_t));
  status = cs_cli_job ("Reading the prompt", firing_job, &found);
  if (status != CS_EXIT_DONE)
    return status;
  if (!w.json)
    printf (" latent  activation  chat − base Δ  token\n");
  for (guint i = 0; i < found.firing->len; i++)
    print_one (&found, &g_array_index (found.firing, CsPromptFiring, i));
  return status;
}
