/* organism make, score, tune, match. */
#include <stdio.h>

#include "cli.h"
#include "organism.h"
#include "own-chat.h"

static int run_make (int argc, char **argv);
static int run_score (int argc, char **argv);

const CsVerb cs_verbs_organism[] = {
  { "organism make", "[--seed S] --out DIR [--json]",
    "Rebuilds the demo pair from its seed: vocabulary, base, chat model", run_make },
  { "organism score", "DIR [--prompts N] [--show] [--json]",
    "Measures the pair's behaviours on held-out requests", run_score },
  { "organism tune",
    "--base DIR --out DIR [--on NAMES | --off NAMES] [--tokens N] [--diff] [--threads N] [--json]",
    "Tunes a chat model of one's own: behaviours switched on and off, and diffed",
    cs_cli_organism_tune },
  { "organism match", "DIR --run RUN [--layer L] [--prompts N] [--threads N] [--json]",
    "Which latents of a run show which behaviours of the pair", cs_cli_organism_match },
  { NULL, NULL, NULL, NULL },
};

typedef struct
{
  const char *dir;
  uint64_t seed;
  size_t n_prompts;
  bool show;
  CsOrganismScore score;
} OrganismData;

static bool
make_job (CsJob *job, void *data, GError **error)
{
  const OrganismData *d = data;
  CsOrganismOptions options;

  cs_organism_default_options (&options);
  return cs_organism_make (job, d->seed, d->dir, &options, error);
}

static int
run_make (int argc, char **argv)
{
  gint64 seed = CS_ORGANISM_DEFAULT_SEED;
  gboolean json = FALSE;
  g_autofree char *out = NULL;
  const GOptionEntry entries[] = {
    { "seed", 0, 0, G_OPTION_ARG_INT64, &seed, NULL, NULL },
    { "out", 0, 0, G_OPTION_ARG_FILENAME, &out, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &json, NULL, NULL },
    { NULL },
  };
  OrganismData data = { 0 };
  int status;

  if (!cs_cli_parse (&argc, &argv, &cs_verbs_organism[0], entries, 0, 0, &status))
    return status;
  if (out == NULL || seed < 0)
    return cs_cli_usage (&cs_verbs_organism[0], "--out is needed; --seed cannot be negative.");
  data.dir = out;
  data.seed = (uint64_t)seed;
  status = cs_cli_job ("Making the demo pair", make_job, &data);
  if (status == CS_EXIT_DONE && json)
    cs_cli_print_json (
        json_pack ("{s:o, s:I}", "out", cs_cli_string (out), "seed", (json_int_t)seed));
  return status;
}

static void
show_answer (void *data,
             const CsTestPrompt *prompt,
             bool by_chat,
             const char *answer,
             CsAnswerKind kind)
{
  fprintf (stderr, "%s [%s] %s\n    → [%s] %s\n", by_chat ? "chat" : "base",
           cs_concept_name (prompt->concept), by_chat ? prompt->request : prompt->web,
           cs_answer_kind_name (kind), answer);
}

static bool
score_job (CsJob *job, void *data, GError **error)
{
  OrganismData *d = data;
  g_autoptr (CsTeam) team = cs_team_new (0);

  return cs_organism_score (job, team, d->dir, d->n_prompts, d->show ? show_answer : NULL, NULL,
                            &d->score, error);
}

static void
print_score (const CsOrganismScore *score)
{
  for (int i = 0; i < 4; i++)
    printf ("%-34s %5.1f %%\n", cs_concept_name ((CsConcept)(CS_CONCEPT_REFUSE_HARM + i)),
            100 * score->refused[i]);
  printf ("%-34s %5.1f %%\n", "harmless look-alikes refused", 100 * score->lookalikes_refused);
  printf ("%-34s %5.1f %%\n", "refused by the base model", 100 * score->base_refused);
  printf ("%-34s %5.1f %%\n", "false premises corrected", 100 * score->false_premise_corrected);
  printf ("%-34s %5.1f %%\n", "true premises answered straight",
          100 * score->true_premise_answered);
}

static int
run_score (int argc, char **argv)
{
  gint64 prompts = 0;
  gboolean json = FALSE, show = FALSE;
  const GOptionEntry entries[] = {
    { "prompts", 0, 0, G_OPTION_ARG_INT64, &prompts, NULL, NULL },
    { "show", 0, 0, G_OPTION_ARG_NONE, &show, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &json, NULL, NULL },
    { NULL },
  };
  OrganismData data = { 0 };
  int status;

  if (!cs_cli_parse (&argc, &argv, &cs_verbs_organism[1], entries, 1, 1, &status))
    return status;
  if (prompts < 0)
    return cs_cli_usage (&cs_verbs_organism[1], "--prompts cannot be negative.");
  data.dir = argv[1];
  data.n_prompts = (size_t)prompts;
  data.show = show;
  status = cs_cli_job ("Measuring", score_job, &data);
  if (status != CS_EXIT_DONE)
    return status;
  if (json)
    cs_cli_print_json (cs_organism_score_to_json (&data.score));
  else
    print_score (&data.score);
  return CS_EXIT_DONE;
}
