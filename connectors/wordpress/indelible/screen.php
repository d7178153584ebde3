<?php
declare( strict_types=1 );

namespace Indelible;

final class Screen {
	public static function start(): void {}
}
