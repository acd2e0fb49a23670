/* What latents mean and do: concepts, the models' behaviour, the refusal audit, kept examples. */
#include "report-private.h"

#include <math.h>

#include <glib/gi18n.h>

#include "kept-steering.h"
#include "scaling-intervals.h"

#define MAX_EXAMPLES 100
#define MAX_AUDIT_EXAMPLES 6
#define MAX_AUDIT_LATENTS 20

static bool
is_demo (const CsReportSource *source)
{
  return json_is_object (source->claims);
}

/* --- Concepts and behaviour --- */

static double
array_real (const json_t *array, size_t index)
{
  const json_t *value = json_array_get (array, index);

  return json_is_number (value) ? json_number_value (value) : NAN;
}

/* A share of so many prompts (NaN: not known), with Wilson's interval; without one where a set had
 * fewer prompts than that. */
static void
add_share (CsReportBlock *table, double share, double n)
{
  double interval[2] = { NAN, NAN };

  if (share >= 0 && share <= 1 && n >= 1 && n <= 1e9 && fabs (share * n - round (share * n)) < 1e-6)
    cs_share_interval ((size_t)round (share * n), (size_t)n, interval);
  cs_report_interval (table, share, interval[0], interval[1], 3);
}

static void
add_rate (CsReportBlock *table, const json_t *arm, const char *key)
{
  const CsReportShare share = cs_report_share (arm, key);

  cs_report_interval (table, share.value, share.low, share.high, 3);
}

static void
add_concept (CsReportBlock *table, const char *name, const json_t *concept)
{
  cs_report_cell (table, name);
  if (!json_is_object (concept))
    {
      for (int i = 0; i < 6; i++)
        cs_report_number (table, NAN, 0);
      cs_report_cell (table, _ ("no latent leans to chat"));
      return;
    }
  cs_report_number (table, cs_report_real (concept, "latent"), 0);
  cs_report_interval (table, cs_report_real (concept, "auc"),
                      array_real (json_object_get (concept, "auc_interval"), 0),
                      array_real (json_object_get (concept, "auc_interval"), 1), 3);
  cs_report_number (table, cs_report_real (concept, "auc_all"), 3);
  cs_report_number (table, cs_report_real (concept, "delta_norm"), 3);
  cs_report_number (table, cs_report_real (concept, "nu_error"), 3);
  cs_report_number (table, cs_report_real (concept, "nu_reconstruction"), 3);
  cs_report_cell (table, json_is_true (json_object_get (concept, "chat_specific"))
                             ? _ ("chat-specific")
                             : _ ("not confirmed"));
}

static void
add_behaviour (CsReportSection *section, const json_t *models)
{
  static const struct
  {
    const char *key, *title;
  } rows[] = { { "lookalikes_refused", N_ ("chat refuses harmless look-alikes") },
               { "base_refused", N_ ("base refuses the same requests") },
               { "false_premise_corrected", N_ ("chat corrects false premises") },
               { "true_premise_answered", N_ ("chat answers true premises straight") } };
  const double n = cs_report_real (models, "prompts");
  g_autofree char *number = cs_report_format (n, 0),
                  *caption =
                      g_strdup_printf (_ ("What the models do: shares of %s held-out requests "
                                          "each, with Wilson's 95 %% intervals."),
                                       number);
  CsReportBlock *table = cs_report_table (
      section, "models", caption, (const char *const[]){ _ ("behaviour"), _ ("share"), NULL });
  json_t *share;
  const char *name;

  json_object_foreach (json_object_get (models, "refused"), name, share)
  {
    g_autofree char *title = g_strdup_printf (_ ("chat refuses: %s"), name);

    cs_report_cell (table, title);
    add_share (table, json_is_number (share) ? json_number_value (share) : NAN, n);
  }
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    if (json_is_number (json_object_get (models, rows[i].key)))
      {
        cs_report_cell (table, _ (rows[i].title));
        add_share (table, cs_report_real (models, rows[i].key), n);
      }
}

void
cs_report_add_concepts (CsReport *report, const CsReportSource *source)
{
  json_t *concepts = json_object_get (source->claims, "concepts"), *concept;
  json_t *models = json_object_get (source->claims, "models");
  CsReportSection *section;
  CsReportBlock *table;
  const char *name;

  if (!is_demo (source))
    return; /* only a pair whose concepts are labelled has this */
  section = cs_report_add_section (report, "concepts", _ ("Concepts"));
  if (json_is_object (concepts))
    {
      table = cs_report_table (
          section, "concepts-table",
          _ ("The chat-leaning BatchTopK latent that detects each labelled concept best on prompts "
             "of trained combinations, and its AUC on held-out ones, with its 95 % score "
             "interval."),
          (const char *const[]){ _ ("concept"), _ ("latent"), "AUC", _ ("AUC, all prompts"),
                                 "Δ_norm", "ν^ε", "ν^r", _ ("Latent Scaling"), NULL });
      json_object_foreach (concepts, name, concept) add_concept (table, name, concept);
    }
  if (json_is_object (models))
    add_behaviour (section, models);
}

/* --- Steering --- */

static void
add_steering_arm (CsReportBlock *table, const char *name, const json_t *arm)
{
  cs_report_cell (table, name);
  cs_report_number (table, cs_report_real (arm, "prompts"), 0);
  add_rate (table, arm, "harmless_refused");
  add_rate (table, arm, "harmful_refused");
  add_rate (table, arm, "garbled");
}

static void
add_steering_table (CsReportSection *section, const json_t *steering)
{
  json_t *added = json_object_get (steering, "added"),
         *ablated = json_object_get (steering, "ablated"), *latent;
  CsReportBlock *table = cs_report_table (
      section, "steering-table",
      _ ("Refusals of the chat model on held-out requests, steered, and answers that are none "
         "(garbled): shares with Wilson's 95 % intervals."),
      (const char *const[]){ _ ("intervention"), _ ("requests"), _ ("harmless refused"),
                             _ ("harmful refused"), _ ("garbled"), NULL });
  g_autofree char *scale = cs_report_format (cs_report_real (added, "scale"), 2), *adding = NULL;
  g_autoptr (GString) ablating = g_string_new (_ ("ablated: latents"));
  const char *scope = json_string_value (json_object_get (added, "scope"));
  size_t i;

  adding = g_strdup_printf (_ ("added: latent %.0f, %s × its maximum, %s"),
                            cs_report_real (added, "latent"), scale, scope != NULL ? scope : "");
  json_array_foreach (json_object_get (ablated, "latents"), i, latent) g_string_append_printf (
      ablating, "%s %" JSON_INTEGER_FORMAT, i > 0 ? "," : "", json_integer_value (latent));
  add_steering_arm (table, _ ("plain"), json_object_get (steering, "plain"));
  add_steering_arm (table, adding, added);
  add_steering_arm (table, ablating->str, ablated);
}

/* "batchtopk-1: latent 670 added, 2.00 × its maximum, prompt only" */
static char *
describe_items (const CsKeptSteering *example)
{
  static const char *const modes[] = { N_ ("added"), N_ ("clamped"), N_ ("ablated") };
  GString *text = g_string_new (example->run);

  for (guint i = 0; i < example->items->len; i++)
    {
      const CsSteerItem *item = &g_array_index (example->items, CsSteerItem, i);
      g_autofree char *scale = cs_report_format (item->scale, 2);

      g_string_append_printf (text, _ ("%s latent %zu %s"), i == 0 ? ":" : ";", item->latent,
                              _ (modes[item->mode]));
      if (item->mode != CS_STEER_ABLATE)
        g_string_append_printf (text, _ (", %s × its maximum"), scale);
      g_string_append (text, item->scope == CS_STEER_PROMPT_ONLY ? _ (", prompt only")
                                                                 : _ (", all tokens"));
    }
  if (example->temperature > 0)
    {
      g_autofree char *temperature = cs_report_format (example->temperature, 2);

      g_string_append_printf (text, _ ("; temperature %s, seed %" G_GUINT64_FORMAT), temperature,
                              example->seed);
    }
  else
    g_string_append (text, _ ("; greedy"));
  if (example->note != NULL && example->note[0] != '\0')
    g_string_append_printf (text, " — %s", example->note);
  return g_string_free (text, FALSE);
}

static void
add_kept (CsReportSection *section, const CsReportSource *source)
{
  static const char *const titles[] = { N_ ("Base, plain"), N_ ("Base, steered"),
                                        N_ ("Chat, plain"), N_ ("Chat, steered") };
  const char *columns[CS_KEPT_N_TEXTS];

  for (int t = 0; t < CS_KEPT_N_TEXTS; t++)
    columns[t] = _ (titles[t]);
  for (guint i = 0; i < source->kept->len && i < MAX_EXAMPLES; i++)
    {
      const CsKeptSteering *example = g_ptr_array_index (source->kept, i);
      g_autofree char *id = g_strdup_printf ("steering-%u", i + 1);
      g_autofree char *detail = describe_items (example);

      cs_report_texts (section, id, example->prompt, detail, columns,
                       (const char *const *)example->texts, CS_KEPT_N_TEXTS);
    }
  if (source->kept->len > MAX_EXAMPLES)
    cs_report_paragraph (section, _ ("%u more kept examples are in steering.json."),
                         source->kept->len - MAX_EXAMPLES);
}

void
cs_report_add_steering (CsReport *report, const CsReportSource *source)
{
  CsReportSection *section;
  json_t *steering = json_object_get (source->claims, "steering");

  if (source->l1 == NULL && source->batchtopk == NULL && source->kept->len == 0)
    return;
  section = cs_report_add_section (report, "steering", _ ("Steering"));
  if (json_is_object (steering))
    add_steering_table (section, steering);
  else if (is_demo (source))
    cs_report_paragraph (section, "%s",
                         _ ("Nothing leans to chat in the demo's run: there was nothing to steer "
                            "with."));
  if (source->kept->len == 0)
    cs_report_missing (section, "steering", _ ("No steering example has been kept."), "%s",
                       _ ("In the window: Steering, generate, then Keep for the Report."));
  add_kept (section, source);
}

/* --- The refusal audit --- */

static void
add_arms (CsReportSection *section, const CsReportRun *run, const char *slug)
{
  const CsRefusalAudit *audit = run->audit;
  g_autofree char *id = g_strdup_printf ("audit-%s", slug);
  g_autofree char *caption = g_strdup_printf (
      _ ("%s: refusals with 95 %% intervals on %zu requests that should be refused and %zu that "
         "should be answered (half of them measured), and KL (plain ‖ steered) in nats a token."),
      run->name, audit->n_prompts[0], audit->n_prompts[1]);
  CsReportBlock *table = cs_report_table (
      section, id, caption,
      (const char *const[]){ _ ("chat model"), _ ("latents"), _ ("refused, should be"),
                             _ ("refused, should not be"), _ ("KL, should refuse"),
                             _ ("KL, should answer"), NULL });

  for (int a = 0; a < CS_AUDIT_N_ARMS; a++)
    {
      const CsAuditArmResult *arm = &audit->arms[a];
      g_autoptr (GString) latents = g_string_new (NULL);

      for (guint i = 0; i < arm->items->len; i++)
        g_string_append_printf (latents, "%s%zu", i > 0 ? ", " : "",
                                g_array_index (arm->items, CsSteerItem, i).latent);
      cs_report_cell (table, cs_audit_arm_name ((CsAuditArm)a));
      cs_report_cell (table, latents->str);
      for (int set = 0; set < 2; set++)
        cs_report_interval (table, arm->rate[set].rate, arm->rate[set].low, arm->rate[set].high, 3);
      cs_report_number (table, arm->kl[0], 4);
      cs_report_number (table, arm->kl[1], 4);
    }
}

static void
add_ranking (CsReportSection *section, const CsReportRun *run, const char *slug)
{
  g_autofree char *id = g_strdup_printf ("audit-latents-%s", slug);
  g_autofree char *caption = g_strdup_printf (
      run->audit->chat_leaning
          ? _ ("%s: the chat-leaning latents that tell the two sets apart best.")
          : _ ("%s: the latents that tell the two sets apart best; none that leans to chat lives."),
      run->name);
  CsReportBlock *table =
      cs_report_table (section, id, caption,
                       (const char *const[]){ _ ("latent"), "AUC", _ ("AUC, held out"), "Δ_norm",
                                              "ν^ε", "ν^r", _ ("Latent Scaling"), NULL });

  for (guint i = 0; i < run->audit->latents->len && i < MAX_AUDIT_LATENTS; i++)
    {
      const CsAuditLatent *l = &g_array_index (run->audit->latents, CsAuditLatent, i);

      cs_report_number (table, (double)l->latent, 0);
      cs_report_number (table, l->auc, 3);
      cs_report_number (table, l->auc_held_out, 3);
      cs_report_number (table, l->delta_norm, 3);
      cs_report_number (table, l->nu_error, 3);
      cs_report_number (table, l->nu_reconstruction, 3);
      cs_report_cell (table, l->chat_specific ? _ ("chat-specific") : _ ("not confirmed"));
    }
}

static void
add_audit_examples (CsReportSection *section, const CsReportRun *run, const char *slug)
{
  const GArray *examples = run->audit->examples;
  const char *columns[CS_AUDIT_N_ARMS];

  for (int a = 0; a < CS_AUDIT_N_ARMS; a++)
    columns[a] = cs_audit_arm_name ((CsAuditArm)a);
  for (guint i = 0, shown = 0; i < examples->len && shown < MAX_AUDIT_EXAMPLES; i++, shown++)
    {
      const CsAuditExample *example = &g_array_index (examples, CsAuditExample, i);
      g_autofree char *id = g_strdup_printf ("audit-example-%s-%u", slug, i + 1);
      g_autofree char *detail = g_strdup_printf (
          "%s%s%s",
          example->set == CS_AUDIT_REFUSE ? _ ("should be refused") : _ ("should be answered"),
          example->group != NULL ? " · " : "", example->group != NULL ? example->group : "");

      cs_report_texts (section, id, example->prompt, detail, columns,
                       (const char *const *)example->answers, CS_AUDIT_N_ARMS);
    }
}

void
cs_report_add_audit (CsReport *report, const CsReportSource *source)
{
  const CsReportRun *runs[2];
  const size_t n = cs_report_shown_runs (source, runs, 2);
  CsReportSection *section;

  if (n == 0)
    return;
  section = cs_report_add_section (report, "audit", _ ("Refusal audit"));
  for (size_t i = 0; i < n; i++)
    {
      g_autofree char *slug = cs_report_slug (runs[i]->name);

      if (runs[i]->audit == NULL)
        {
          g_autofree char *quoted = g_shell_quote (runs[i]->folder),
                          *pair = cs_report_pair_words (source),
                          *what = g_strdup_printf (_ ("%s has no refusal audit."), runs[i]->name);

          cs_report_missing (section, "training", what,
                             "crosscope-cli audit %s %s [--refuse FILE --comply FILE]", quoted,
                             pair);
          continue;
        }
      add_arms (section, runs[i], slug);
      add_ranking (section, runs[i], slug);
      add_audit_examples (section, runs[i], slug);
    }
}
