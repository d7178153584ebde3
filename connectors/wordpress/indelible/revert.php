<?php
declare( strict_types=1 );

namespace Indelible;

final class Revert {
	public static function start(): void {}
}
