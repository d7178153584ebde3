<?php
declare( strict_types=1 );

namespace Indelible\Revert;

/** The order cannot be carried out, and why: answered with 422. */
final class Impossible extends \Exception {}
