/* Causality, controls and what the pair shows without training. */
#include "report-private.h"

#include <math.h>

#include <glib/gi18n.h>

#include "lens.h"

static const char *
corpus_words (const CsReportSource *source)
{
  return source->corpora != NULL ? "--corpus FILE…" : "--corpus CHAT.jsonl";
}

/* --- Causality --- */

typedef struct
{
  char *title;
  size_t n;
  char **names;
  double (*values)[3];
} BarsData;

static void
bars_data_free (void *data)
{
  BarsData *d = data;

  g_free (d->title);
  g_strfreev (d->names);
  g_free (d->values);
  g_free (d);
}

static CsPlot *
plot_kl (const void *data)
{
  const BarsData *d = data;
  CsPlot *plot = cs_plot_new (d->title);
  CsLayer *layer = cs_plot_add_bars (plot, _ ("KL to chat"));

  double longest = 0;

  for (size_t i = 0; i < d->n; i++)
    {
      cs_bars_append (layer, d->names[i], d->values[i][0], d->values[i][1], d->values[i][2],
                      CS_PLOT_CLASS_CHAT_ONLY);
      longest = MAX (longest, isfinite (d->values[i][2]) ? d->values[i][2] : d->values[i][0]);
    }
  cs_axis_set_label (cs_plot_x (plot), _ ("KL to chat"), _ ("nats a token"));
  cs_axis_set_from_zero (cs_plot_x (plot), true);
  if (longest > 0)
    cs_axis_set_range (cs_plot_x (plot), 0, 1.04 * longest); /* room for the last whisker */
  return plot;
}

/* Arms of the paper's direction: base activations, with latents turned to what they are in chat. */
static BarsData *
bars_of (const CsReportRun *run, CsCausalitySpan span)
{
  const CsCausality *c = run->causality;
  BarsData *d = g_new0 (BarsData, 1);

  d->title = g_strdup_printf (_ ("KL to chat of each intervention, %s"),
                              span == CS_CAUSALITY_ALL ? _ ("all answer tokens")
                                                       : _ ("first nine answer tokens"));
  d->names = g_new0 (char *, c->n_arms + 1);
  d->values = g_malloc0_n (c->n_arms + 1, sizeof *d->values);
  for (size_t i = 0; i < c->n_arms; i++)
    {
      const CsCausalityArm *arm = &c->arms[i];
      const CsCausalityValue *v = &arm->value[span];

      if (arm->from_chat || g_str_equal (arm->name, "empty") || !isfinite (v->kl))
        continue;
      d->names[d->n] = g_utf8_make_valid (arm->name, -1);
      d->values[d->n][0] = v->kl;
      d->values[d->n][1] = v->lo;
      d->values[d->n++][2] = v->hi;
    }
  return d;
}

static void
add_causality_table (CsReportSection *section, const CsReportRun *run)
{
  const CsCausality *c = run->causality;
  g_autofree char *slug = cs_report_slug (run->name), *id = g_strdup_printf ("causality-%s", slug);
  g_autofree char *caption = g_strdup_printf (
      _ ("%s: KL (chat ‖ patched) in nats a token, means over %zu conversations with 95 %% "
         "intervals "
         "(%zu draws, seed %" G_GUINT64_FORMAT "); layer %zu; the set is %zu latents."),
      run->name, c->n_documents, c->n_draws, c->seed, c->layer, c->n_filtered);
  CsReportBlock *table = cs_report_table (
      section, id, caption,
      (const char *const[]){ _ ("intervention"), _ ("on"), _ ("latents"), _ ("KL, all tokens"),
                             _ ("KL, first nine"), _ ("reduction, all"), _ ("same token"), NULL });

  for (size_t i = 0; i < c->n_arms; i++)
    {
      const CsCausalityArm *arm = &c->arms[i];
      const CsCausalityValue *all = &arm->value[CS_CAUSALITY_ALL],
                             *first = &arm->value[CS_CAUSALITY_FIRST9];

      cs_report_cell (table, arm->name);
      cs_report_cell (table, arm->from_chat ? _ ("chat") : _ ("base"));
      cs_report_number (table, (double)arm->n_latents, 0);
      cs_report_interval (table, all->kl, all->lo, all->hi, 3);
      cs_report_interval (table, first->kl, first->lo, first->hi, 3);
      cs_report_interval (table, all->reduction, all->reduction_lo, all->reduction_hi, 3);
      cs_report_number (table, all->agreement, 3);
    }
  cs_report_paragraph (section,
                       _ ("%s, self-checks (largest deviations): chat into chat %.3g, the empty "
                          "set %.3g, all latents "
                          "%.3g of the activation's norm."),
                       run->name, c->check_chat, c->check_empty, c->check_all);
}

static void
add_causality (CsReportSection *section, const CsReportSource *source, const CsReportRun *run)
{
  g_autofree char *slug = cs_report_slug (run->name), *quoted = g_shell_quote (run->folder);

  if (run->causality == NULL)
    {
      g_autofree char *pair = cs_report_pair_words (source);
      g_autofree char *what =
          g_strdup_printf (_ ("Causality has not been measured for %s."), run->name);

      cs_report_missing (section, NULL, what, "crosscope-cli causality %s %s %s", quoted, pair,
                         corpus_words (source));
      return;
    }
  for (int span = 0; span < 2; span++)
    {
      g_autofree char *id = g_strdup_printf (span == 0 ? "kl-%s" : "kl-first9-%s", slug);
      g_autofree char *caption = g_strdup_printf (
          span == 0 ? _ ("%s: KL to chat over all answer tokens (shorter is nearer to chat)")
                    : _ ("%s: KL to chat over the first nine tokens of each answer"),
          run->name);

      cs_report_figure (section, id, caption, plot_kl,
                        bars_of (run, span == 0 ? CS_CAUSALITY_ALL : CS_CAUSALITY_FIRST9),
                        bars_data_free);
    }
  add_causality_table (section, run);
}

void
cs_report_add_causality (CsReport *report, const CsReportSource *source)
{
  CsReportSection *section;

  if (source->l1 == NULL && source->batchtopk == NULL)
    return;
  section = cs_report_add_section (report, "causality", _ ("Causality"));
  cs_report_paragraph (
      section, "%s",
      _ ("The chat model's upper blocks run on base's residual stream with parts of chat's put in, "
         "or "
         "on chat's with the same parts taken away (“-removed”). “none”: nothing is put in; "
         "“base”: "
         "the base model itself; “all”: every latent; “template”: the tokens of the chat template; "
         "“set”: the latents that lean furthest to chat; “best-” and “worst-delta”: their halves "
         "by "
         "Δ_norm, “best-” and “worst-scaling”: by Latent Scaling; “specific”: the chat-specific "
         "ones; "
         "“random”: as many random ones as a half has. “same token”: the share of positions whose "
         "likeliest token is the chat model's."));
  if (source->batchtopk != NULL)
    add_causality (section, source, source->batchtopk);
  if (source->l1 != NULL)
    add_causality (section, source, source->l1);
}

/* --- Controls --- */

static void
add_counts (CsReportBlock *table, const CsControlCounts *counts)
{
  cs_report_number (table, (double)counts->latents, 0);
  cs_report_number (table, (double)counts->dead, 0);
  cs_report_number (table, (double)counts->chat_only, 0);
  cs_report_number (table, (double)counts->chat_leaning, 0);
  cs_report_number (table, (double)counts->chat_specific, 0);
  cs_report_number (table, counts->fve_base, 3);
  cs_report_number (table, counts->fve_chat, 3);
  cs_report_number (table, counts->l0, 1);
}

static void
add_control (CsReportBlock *table, const CsControl *control)
{
  static const char *const what[] = { N_ ("base against itself"),
                                      N_ ("base against base tuned on base text"),
                                      N_ ("another seed"), N_ ("another sparsity"),
                                      N_ ("another layer") };
  g_autofree char *of = g_strdup_printf (_ ("%s (controlled)"), control->of);

  cs_report_cell (table, control->run);
  cs_report_cell (table, _ (what[control->kind]));
  cs_report_number (table, control->value, -1);
  add_counts (table, &control->counts);
  cs_report_cell (table, of);
  cs_report_cell (table, "");
  cs_report_cell (table, "");
  add_counts (table, &control->of_counts);
}

/* What the numbers of a control can and cannot say. */
static void
tell_about_controls (CsReportSection *section, const CsReportSource *source, bool any_null)
{
  if (any_null)
    cs_report_paragraph (
        section, "%s",
        _ ("The null control checks the machinery, not the method: both halves begin alike and see "
           "the same inputs, so that Δ_norm stays at 0.5. A copy of the base model that was tuned "
           "on base text alone says more."));
  for (guint i = 0; i < source->runs->len; i++)
    {
      const CsReportRun *run = g_ptr_array_index (source->runs, i);
      g_autofree char *tuned = run->control != NULL ? cs_control_tuned_text (run->control) : NULL;

      if (tuned != NULL)
        cs_report_paragraph (section, "%s: %s", run->name, tuned);
    }
}

static void
tell_missing_controls (CsReportSection *section, const CsReportSource *source)
{
  const CsReportRun *runs[2];
  const size_t n = cs_report_shown_runs (source, runs, 2);

  for (size_t i = 0; i < n; i++)
    {
      g_autofree char *quoted = g_shell_quote (runs[i]->folder), *what = NULL;

      if (cs_report_control_of (source, runs[i], CS_CONTROL_NULL) != NULL)
        continue;
      what =
          g_strdup_printf (_ ("%s has no null control: what it would find where there is nothing "
                              "to find is not known."),
                           runs[i]->name);
      cs_report_missing (section, "training", what, "crosscope-cli control null %s", quoted);
    }
}

void
cs_report_add_controls (CsReport *report, const CsReportSource *source)
{
  CsReportSection *section;
  CsReportBlock *table = NULL;
  bool any_null = false;

  if (source->runs->len == 0)
    return;
  section = cs_report_add_section (report, "controls", _ ("Controls"));
  for (guint i = 0; i < source->runs->len; i++)
    {
      const CsReportRun *run = g_ptr_array_index (source->runs, i);

      if (run->control == NULL || !run->control->done)
        continue;
      any_null = any_null || run->control->kind == CS_CONTROL_NULL;
      if (table == NULL)
        table = cs_report_table (
            section, "controls-table",
            _ ("Each control beside the run that it controls; one thing is changed, everything "
               "else "
               "is equal."),
            (const char *const[]){ _ ("run"), _ ("control"), _ ("value"), _ ("latents"), _ ("dead"),
                                   _ ("chat-only"), _ ("chat-leaning"), _ ("chat-specific"),
                                   _ ("FVE base"), _ ("FVE chat"), "L0", NULL });
      add_control (table, run->control);
    }
  tell_about_controls (section, source, any_null);
  tell_missing_controls (section, source);
}

/* --- Baselines --- */

static void
add_lens_row (CsReportBlock *table, const char *name, double size, const CsLens *lens)
{
  g_autofree char *promoted =
      lens != NULL ? cs_lens_words (lens->promoted, MIN (lens->n, 8)) : g_strdup ("");
  g_autofree char *suppressed =
      lens != NULL ? cs_lens_words (lens->suppressed, MIN (lens->n, 8)) : g_strdup ("");

  cs_report_cell (table, name);
  cs_report_number (table, size, 3);
  cs_report_cell (table, promoted);
  cs_report_cell (table, suppressed);
}

static void
add_directions (CsReportSection *section, const CsBaselines *b)
{
  CsReportBlock *table = cs_report_table (
      section, "baseline-directions",
      _ ("Directions of the difference chat − base through chat's logit lens. Size: the mean "
         "difference over the mean norm of chat's activations there, or a component's share of the "
         "variance."),
      (const char *const[]){ _ ("direction"), _ ("size"), _ ("promoted"), _ ("suppressed"), NULL });

  for (size_t i = 0; i < b->n_differences; i++)
    add_lens_row (table, b->differences[i].name, b->differences[i].relative,
                  b->differences[i].lens);
  for (size_t i = 0; i < b->n_components; i++)
    {
      g_autofree char *name = g_strdup_printf (_ ("component %zu"), i + 1);

      add_lens_row (table, name, b->components[i].share, b->components[i].lens);
    }
}

void
cs_report_add_baselines (CsReport *report, const CsReportSource *source)
{
  const CsBaselines *b = source->baselines;
  CsReportSection *section;
  CsReportBlock *table;

  if (cs_report_source_string (source, "base") == NULL ||
      cs_report_source_string (source, "chat") == NULL)
    return;
  section = cs_report_add_section (report, "baselines", _ ("Without training"));
  if (b == NULL)
    {
      g_autofree char *pair = cs_report_pair_words (source), *out = g_shell_quote (source->folder);

      cs_report_missing (
          section, NULL, _ ("What the pair shows without a crosscoder has not been measured."),
          "crosscope-cli baselines %s %s --out %s", pair, corpus_words (source), out);
      return;
    }
  table = cs_report_table (
      section, "baseline-kl",
      _ ("KL (chat ‖ base) in nats a token by what was read last; means with 95 % intervals."),
      (const char *const[]){ _ ("token"), _ ("number"), "KL", NULL });
  cs_report_cell (table, _ ("all"));
  cs_report_number (table, (double)b->n_tokens, 0);
  cs_report_interval (table, b->kl, b->lo, b->hi, 4);
  for (size_t i = 0; i < b->n_classes; i++)
    {
      cs_report_cell (table, cs_token_class_name (b->classes[i].class));
      cs_report_number (table, (double)b->classes[i].count, 0);
      cs_report_interval (table, b->classes[i].kl, b->classes[i].lo, b->classes[i].hi, 4);
    }
  add_directions (section, b);
}
