<?php
declare( strict_types=1 );

namespace Indelible\Revert;

/** Something else is there than the order expects: answered with 409. */
final class Differs extends \Exception {
	public function __construct( public readonly ?array $current ) {
		parent::__construct( 'something else is there' );
	}
}
