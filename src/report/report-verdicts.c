/* The claims, each with its rule in its own words and what the numbers say of it. A claim holds
 * only where the numbers leave no doubt by its rule; it is not decided where intervals overlap. */
#include "report-private.h"

#include <math.h>

#include <glib/gi18n.h>

#include "scaling-intervals.h"

#define LEAST_AUC 0.9

/* Above: the whole interval is over the limit; below: under it. */
static CsReportVerdict
verdict_above (double value, double low, double high, double limit)
{
  if (!isfinite (value))
    return CS_REPORT_UNKNOWN;
  if (isfinite (low) && isfinite (high))
    return low > limit ? CS_REPORT_HOLDS : high <= limit ? CS_REPORT_FAILS : CS_REPORT_UNDECIDED;
  return value > limit ? CS_REPORT_HOLDS : CS_REPORT_FAILS;
}

/* Whether share a is above share b, by their intervals. */
static CsReportVerdict
compare (const double a[3], const double b[3])
{
  if (!isfinite (a[0]) || !isfinite (b[0]))
    return CS_REPORT_UNKNOWN;
  if (a[1] > b[2])
    return CS_REPORT_HOLDS;
  return a[2] < b[1] ? CS_REPORT_FAILS : CS_REPORT_UNDECIDED;
}

/* --- L1 and BatchTopK --- */

static void
confirmed_of (const CsReportRun *run, bool bin, double share[3])
{
  const CsLatentSummary *s = &run->summary;

  if (!bin)
    {
      share[0] = s->confirmed_share;
      share[1] = s->confirmed_interval[0];
      share[2] = s->confirmed_interval[1];
      return;
    }
  share[0] = s->chat_only > 0 ? (double)s->chat_only_specific / (double)s->chat_only : NAN;
  cs_share_interval (s->chat_only_specific, s->chat_only, &share[1]);
}

static void
compare_runs (CsReportSection *section, const CsReportSource *source, bool bin)
{
  const char *claim =
      bin ? _ ("Latent Scaling confirms a larger share of BatchTopK's chat-only bin "
               "(Δ_norm ≥ 0.9) than of L1's.")
          : _ ("Among the tested latents that lean to chat (Δ_norm ≥ 0.6), Latent "
               "Scaling confirms a larger share of BatchTopK's than of L1's.");
  double l1[3], batchtopk[3];

  if (source->l1 == NULL || source->batchtopk == NULL)
    {
      cs_report_claim (section, CS_REPORT_UNKNOWN, claim, "%s",
                       _ ("It takes an analysed run of each."));
      return;
    }
  confirmed_of (source->l1, bin, l1);
  confirmed_of (source->batchtopk, bin, batchtopk);
  g_autofree char *a = cs_report_format_interval (batchtopk[0], batchtopk[1], batchtopk[2], 3),
                  *b = cs_report_format_interval (l1[0], l1[1], l1[2], 3);
  const CsLatentSummary *s = &source->batchtopk->summary, *t = &source->l1->summary;

  cs_report_claim (section, compare (batchtopk, l1), claim,
                   _ ("%s: %s, %zu of %zu; %s: %s, %zu of %zu (Wilson 95 %% intervals)."),
                   source->batchtopk->name, a, bin ? s->chat_only_specific : s->chat_specific,
                   bin ? s->chat_only : s->chat_leaning, source->l1->name, b,
                   bin ? t->chat_only_specific : t->chat_specific,
                   bin ? t->chat_only : t->chat_leaning);
}

/* --- Controls --- */

static void
judge_control (CsReportSection *section,
               const CsReportSource *source,
               const CsReportRun *run,
               CsControlKind kind)
{
  const CsReportRun *control = cs_report_control_of (source, run, kind);
  g_autofree char *claim = g_strdup_printf (
      kind == CS_CONTROL_NULL
          ? _ ("%s: the base model against itself has fewer than a tenth as many chat-specific "
               "latents.")
          : _ ("%s: the base model against a copy tuned on base text alone has fewer than a tenth "
               "as many chat-specific latents."),
      run->name);

  if (control == NULL)
    {
      cs_report_claim (section, CS_REPORT_UNKNOWN, claim, "%s",
                       _ ("The control has not been run."));
      return;
    }
  const CsControlCounts *of = &control->control->of_counts, *counts = &control->control->counts;
  CsReportVerdict verdict = of->chat_specific == 0                           ? CS_REPORT_UNDECIDED
                            : 10 * counts->chat_specific < of->chat_specific ? CS_REPORT_HOLDS
                                                                             : CS_REPORT_FAILS;

  cs_report_claim (
      section, verdict, claim,
      _ ("Of %zu latents %zu in the control (chat-only by Δ_norm: %zu), of %zu latents "
         "%zu in the run (%zu). All are counted: no interval."),
      counts->latents, counts->chat_specific, counts->chat_only, of->latents, of->chat_specific,
      of->chat_only);
}

/* --- Causality --- */

static void
judge_contrast (CsReportSection *section,
                const CsReportRun *run,
                const char *a,
                const char *b,
                const char *words)
{
  g_autofree char *claim = g_strdup_printf ("%s: %s", run->name, words);

  for (size_t i = 0; run->causality != NULL && i < run->causality->n_contrasts; i++)
    {
      const CsCausalityContrast *c = &run->causality->contrasts[i];

      if (g_strcmp0 (c->a, a) != 0 || g_strcmp0 (c->b, b) != 0)
        continue;
      g_autofree char *text = cs_report_format_interval (
          c->difference[CS_CAUSALITY_ALL], c->lo[CS_CAUSALITY_ALL], c->hi[CS_CAUSALITY_ALL], 3);
      cs_report_claim (
          section,
          verdict_above (c->difference[CS_CAUSALITY_ALL], c->lo[CS_CAUSALITY_ALL],
                         c->hi[CS_CAUSALITY_ALL], 0),
          claim,
          _ ("KL of “%s” less KL of “%s” over all answer tokens: %s nats (95 %% bootstrap "
             "interval over %zu conversations, %zu draws)."),
          a, b, text, run->causality->n_documents, run->causality->n_draws);
      return;
    }
  cs_report_claim (section, CS_REPORT_UNKNOWN, claim, "%s",
                   _ ("Causality has not been measured for this run."));
}

static void
judge_causality (CsReportSection *section, const CsReportRun *run)
{
  judge_contrast (section, run, "worst-scaling", "best-scaling",
                  _ ("of its chat-leaning latents, the half that Latent Scaling ranks first "
                     "brings base nearer to chat than the other half."));
  judge_contrast (section, run, "worst-delta", "best-delta",
                  _ ("of its chat-leaning latents, the half with the largest Δ_norm brings base "
                     "nearer to chat than the other half."));
  judge_contrast (section, run, "random", "best-scaling",
                  _ ("the half that Latent Scaling ranks first brings base nearer to chat than as "
                     "many random latents."));
}

/* --- Concepts and steering, of the demo's story --- */

/* An AUC with its interval; without one it is as it is, and *all_known becomes false. */
static CsReportVerdict
judge_concept (const json_t *concept, bool *all_known)
{
  const json_t *interval = json_object_get (concept, "auc_interval");
  const json_t *low = json_array_get (interval, 0), *high = json_array_get (interval, 1);
  const double auc = cs_report_real (concept, "auc");

  if (!json_is_number (low) || !json_is_number (high))
    *all_known = false;
  if (!isfinite (auc) || !json_is_true (json_object_get (concept, "chat_specific")))
    return CS_REPORT_FAILS;
  return verdict_above (auc, json_is_number (low) ? json_number_value (low) : NAN,
                        json_is_number (high) ? json_number_value (high) : NAN, LEAST_AUC);
}

static void
judge_concepts (CsReportSection *section, const CsReportSource *source)
{
  json_t *concepts = json_object_get (source->claims, "concepts"), *concept;
  size_t n = 0, of[CS_REPORT_UNKNOWN + 1] = { 0 };
  bool all_known = true;
  const char *name;

  if (!json_is_object (concepts))
    return;
  json_object_foreach (concepts, name, concept)
  {
    n++;
    of[judge_concept (concept, &all_known)]++;
  }
  cs_report_claim (
      section,
      n == 0                        ? CS_REPORT_UNKNOWN
      : of[CS_REPORT_FAILS] > 0     ? CS_REPORT_FAILS
      : of[CS_REPORT_UNDECIDED] > 0 ? CS_REPORT_UNDECIDED
                                    : CS_REPORT_HOLDS,
      _ ("Each concept that chat-tuning taught has a chat-specific latent that detects "
         "it with AUC ≥ 0.9 on held-out prompts."),
      all_known ? _ ("%zu of %zu concepts by the whole 95 %% interval of the AUC (a score "
                     "interval with Hanley and McNeil's variance); undecided: %zu, not: %zu.")
                : _ ("%zu of %zu concepts by the AUC alone, as the number of prompts is not "
                     "known; undecided: %zu, not: %zu."),
      of[CS_REPORT_HOLDS], n, of[CS_REPORT_UNDECIDED], of[CS_REPORT_FAILS]);
}

/* Adding: the whole interval is over a half. Ablating: at most half of the refusals are left, by
 * the ends of both intervals that are nearest to each other. */
static void
judge_rate (CsReportSection *section,
            const char *claim,
            const CsReportShare *plain,
            const CsReportShare *steered,
            bool more)
{
  const double limit[] = { 0.5 * plain->value, 0.5 * plain->low, 0.5 * plain->high };
  const double rate[] = { steered->value, steered->low, steered->high };
  CsReportVerdict verdict =
      more ? verdict_above (rate[0], rate[1], rate[2], 0.5) : compare (limit, rate);
  g_autofree char *from = cs_report_format_share (plain->value, plain->low, plain->high, plain->n),
                  *to = cs_report_format_share (steered->value, steered->low, steered->high,
                                                steered->n);

  if (!isfinite (plain->value))
    verdict = CS_REPORT_UNKNOWN;
  else if (!more && (!isfinite (limit[1]) || !isfinite (rate[1])))
    verdict = verdict_above (limit[0], NAN, NAN, rate[0]); /* without intervals */
  cs_report_claim (section, verdict, claim,
                   isfinite (steered->low)
                       ? _ ("Refused: %s plain; %s steered (Wilson 95 %% intervals).")
                       : _ ("Refused: %s plain; %s steered."),
                   from, to);
}

static void
judge_steering (CsReportSection *section, const CsReportSource *source)
{
  const json_t *steering = json_object_get (source->claims, "steering");
  const json_t *plain = json_object_get (steering, "plain");
  const CsReportShare harmless = cs_report_share (plain, "harmless_refused"),
                      harmful = cs_report_share (plain, "harmful_refused"),
                      added =
                          cs_report_share (json_object_get (steering, "added"), "harmless_refused"),
                      ablated = cs_report_share (json_object_get (steering, "ablated"),
                                                 "harmful_refused");

  if (!json_is_object (steering))
    return;
  judge_rate (section,
              _ ("Adding one latent makes the chat model refuse at least half of the harmless "
                 "requests."),
              &harmless, &added, true);
  judge_rate (
      section,
      _ ("Ablating its refusal latents at least halves the chat model's refusals of harmful "
         "requests."),
      &harmful, &ablated, false);
}

static void
judge_audit (CsReportSection *section, const CsReportRun *run)
{
  const CsAuditRate *plain, *added, *ablated;

  if (run->audit == NULL)
    return;
  plain = run->audit->arms[CS_AUDIT_PLAIN].rate;
  added = run->audit->arms[CS_AUDIT_ADDED].rate;
  ablated = run->audit->arms[CS_AUDIT_ABLATED].rate;
  for (int arm = 0; arm < 2; arm++)
    {
      const int set = arm == 0 ? CS_AUDIT_COMPLY : CS_AUDIT_REFUSE;
      const CsAuditRate *more = arm == 0 ? &added[set] : &plain[set],
                        *less = arm == 0 ? &plain[set] : &ablated[set];
      const double a[] = { more->rate, more->low, more->high },
                   b[] = { less->rate, less->low, less->high };
      g_autofree char *claim = g_strdup_printf (
          arm == 0
              ? _ ("%s, refusal audit: adding its best latent raises refusals of requests that "
                   "should be answered.")
              : _ ("%s, refusal audit: ablating its refusal latents lowers refusals of requests "
                   "that should be refused."),
          run->name);
      const CsAuditRate *steered = arm == 0 ? more : less, *before = &plain[set];
      g_autofree char *from = cs_report_format_share (before->rate, before->low, before->high,
                                                      before->n),
                      *to = cs_report_format_share (steered->rate, steered->low, steered->high,
                                                    steered->n);

      cs_report_claim (section, compare (a, b), claim,
                       _ ("Refused: %s plain; %s steered (Wilson 95 %% intervals)."), from, to);
    }
}

/* --- Planted worlds --- */

static void
judge_planted (CsReportSection *section, const CsPlantedResults *planted)
{
  CsPlantedInterval shrinkage =
                        cs_planted_mean (planted, CS_VARIANT_L1, CS_PLANTED_FALSE_FROM_SHRINKAGE),
                    decoupling =
                        cs_planted_mean (planted, CS_VARIANT_L1, CS_PLANTED_FALSE_FROM_DECOUPLING),
                    flagged = cs_planted_share (planted, CS_VARIANT_L1, CS_PLANTED_FLAGGED,
                                                CS_PLANTED_FALSE_CHAT_ONLY),
                    l1 = cs_planted_mean (planted, CS_VARIANT_L1, CS_PLANTED_FALSE_CHAT_ONLY),
                    batchtopk =
                        cs_planted_mean (planted, CS_VARIANT_BATCHTOPK, CS_PLANTED_FALSE_CHAT_ONLY);
  g_autofree char *s = cs_report_format_interval (shrinkage.mean, shrinkage.low, shrinkage.high, 2),
                  *d = cs_report_format_interval (decoupling.mean, decoupling.low, decoupling.high,
                                                  2),
                  *f = cs_report_format_share (flagged.mean, flagged.low, flagged.high, flagged.n),
                  *a = cs_report_format_interval (l1.mean, l1.low, l1.high, 2),
                  *b = cs_report_format_interval (batchtopk.mean, batchtopk.low, batchtopk.high, 2);
  CsReportVerdict one = verdict_above (shrinkage.mean, shrinkage.low, shrinkage.high, 0),
                  two = verdict_above (decoupling.mean, decoupling.low, decoupling.high, 0);

  cs_report_claim (
      section, one == CS_REPORT_FAILS || two == CS_REPORT_FAILS ? CS_REPORT_FAILS : MAX (one, two),
      _ ("Planted world: both traps, Complete Shrinkage and Latent Decoupling, put "
         "false latents into L1's chat-only bin."),
      _ ("A world's mean: %s from shrinkage, %s from decoupling (Student's 95 %% intervals "
         "over %zu seeds)."),
      s, d, shrinkage.n);
  cs_report_claim (section,
                   flagged.n == 0        ? CS_REPORT_UNKNOWN
                   : flagged.mean >= 0.9 ? CS_REPORT_HOLDS
                                         : CS_REPORT_FAILS,
                   _ ("Planted world: Latent Scaling flags at least 90 % of L1's false chat-only "
                      "latents."),
                   _ ("Flagged: %s (Wilson 95 %% interval)."), f);
  cs_report_claim (
      section,
      !isfinite (l1.mean) || !isfinite (batchtopk.mean) ? CS_REPORT_UNKNOWN
      : l1.mean <= 0                                    ? CS_REPORT_UNDECIDED
      : batchtopk.mean <= 0.2 * l1.mean                 ? CS_REPORT_HOLDS
                                                        : CS_REPORT_FAILS,
      _ ("Planted world: BatchTopK has at most a fifth of the false chat-only latents "
         "that L1 has at equal L0."),
      _ ("A world's mean: %s with BatchTopK, %s with L1 (Student's 95 %% intervals over "
         "%zu seeds)."),
      b, a, l1.n);
}

/* --- The section --- */

/* What has been measured comes first. */
static void
measured_first (GPtrArray *blocks)
{
  g_autoptr (GPtrArray) later = g_ptr_array_new ();
  guint kept = 0;

  for (guint i = 0; i < blocks->len; i++)
    {
      CsReportBlock *block = g_ptr_array_index (blocks, i);

      if (block->kind == CS_REPORT_CLAIM && block->verdict == CS_REPORT_UNKNOWN)
        g_ptr_array_add (later, block);
      else
        blocks->pdata[kept++] = block;
    }
  for (guint i = 0; i < later->len; i++)
    blocks->pdata[kept++] = later->pdata[i];
}

static void
add_summary (CsReport *report, CsReportSection *section)
{
  /* Told first, known last. */
  CsReportBlock *first = g_ptr_array_index (section->blocks, 0);
  g_autoptr (GString) text = g_string_new (_ ("Of the claims below"));

  for (int v = CS_REPORT_HOLDS; v <= CS_REPORT_UNKNOWN; v++)
    g_string_append_printf (text, "%s %s %zu", v == CS_REPORT_HOLDS ? ":" : ",",
                            cs_report_verdict_word ((CsReportVerdict)v),
                            cs_report_count (report, (CsReportVerdict)v));
  g_string_append_c (text, '.');
  g_free (first->text);
  first->text = g_string_free (g_steal_pointer (&text), FALSE);
}

void
cs_report_add_claims (CsReport *report, const CsReportSource *source)
{
  CsReportSection *section = cs_report_add_section (report, "claims", _ ("Claims"));

  cs_report_paragraph (section, "%s", "");
  compare_runs (section, source, true);
  compare_runs (section, source, false);
  for (int i = 0; i < 2; i++)
    {
      const CsReportRun *run = i == 0 ? source->batchtopk : source->l1;

      if (run == NULL)
        continue;
      judge_control (section, source, run, CS_CONTROL_NULL);
      if (cs_report_control_of (source, run, CS_CONTROL_TUNED) != NULL)
        judge_control (section, source, run, CS_CONTROL_TUNED);
      judge_causality (section, run);
      judge_audit (section, run);
    }
  judge_concepts (section, source);
  judge_steering (section, source);
  if (source->planted != NULL)
    judge_planted (section, source->planted);
  measured_first (section->blocks);
  add_summary (report, section);
}
